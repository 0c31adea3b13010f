// Prints rows as aligned text for a terminal, or as Markdown for the README.

export interface Column {
  readonly title: string;
  readonly align: "left" | "right";
}

/** The last cell of a row with missing cells may extend over the empty columns. */
export function textTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): string {
  const widths = columns.map((column, at) =>
    Math.max(column.title.length, ...rows.map((row) => widthOf(row, at, columns.length))),
  );
  const line = (cells: readonly string[]): string =>
    columns
      .map((column, at) => pad(cells[at] ?? "", widths[at] ?? 0, column.align))
      .join("  ")
      .trimEnd();
  const rule = widths.map((width) => "-".repeat(width)).join("  ");
  return [line(columns.map((column) => column.title)), rule, ...rows.map(line)].join("\n");
}

export function markdownTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): string {
  const line = (cells: readonly string[]): string =>
    `| ${columns.map((_, at) => (cells[at] ?? "").replaceAll("|", "\\|")).join(" | ")} |`;
  const rule = columns.map((column) => (column.align === "right" ? "---:" : "---"));
  return [line(columns.map((column) => column.title)), line(rule), ...rows.map(line)].join("\n");
}

function widthOf(row: readonly string[], at: number, columns: number): number {
  return row.length < columns && at === row.length - 1 ? 0 : (row[at]?.length ?? 0);
}

function pad(text: string, width: number, align: Column["align"]): string {
  return align === "right" ? text.padStart(width) : text.padEnd(width);
}
