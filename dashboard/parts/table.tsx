// A table whose numbers stand on the right and whose head keeps to short words.
import type { ComponentChildren } from "preact";

export interface Column {
  readonly head: string;
  /** Of text, which stands on the left. */
  readonly isText?: boolean;
  /** Shown where there is room. */
  readonly isWide?: boolean;
  readonly title?: string;
  /** Pixels; null: what is left. Tables of one kind stand in line with each other. */
  readonly width?: number;
}

interface TableProps {
  readonly label: string;
  readonly columns: readonly Column[];
  readonly children: ComponentChildren;
}

export function Table({ label, columns, children }: TableProps) {
  return (
    <div class="scroll" role="region" aria-label={label} tabIndex={0}>
      <table aria-label={label} class={columns.some(({ width }) => width) ? "lined" : undefined}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th
                scope="col"
                class={classOf(column)}
                title={column.title}
                style={column.width === undefined ? undefined : { width: `${column.width}px` }}
              >
                {column.head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

function classOf({ isText, isWide }: Column): string | undefined {
  const names = [isText === true ? "t" : "", isWide === true ? "wide" : ""].filter(Boolean);
  return names.length === 0 ? undefined : names.join(" ");
}
