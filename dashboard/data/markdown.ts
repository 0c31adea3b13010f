// As much of Markdown as the manual uses, as blocks: nothing in it becomes markup by itself.

export type Block =
  | { readonly kind: "heading"; readonly level: number; readonly text: string }
  | { readonly kind: "paragraph"; readonly text: string }
  | { readonly kind: "code"; readonly text: string }
  | { readonly kind: "list"; readonly isOrdered: boolean; readonly items: readonly string[] }
  | {
      readonly kind: "table";
      readonly head: readonly string[];
      readonly rows: readonly (readonly string[])[];
    };

export function blocksOf(markdown: string): Block[] {
  const lines = markdown.replaceAll("\r", "").split("\n");
  const blocks: Block[] = [];
  let at = 0;
  while (at < lines.length) {
    if (lines[at]?.trim() === "") {
      at += 1;
      continue;
    }
    const [block, next] = blockAt(lines, at);
    blocks.push(block);
    at = Math.max(next, at + 1);
  }
  return blocks;
}

type Read = readonly [block: Block, next: number];

const listItem = /^(?:[*-]|\d+\.) +/;

function blockAt(lines: readonly string[], at: number): Read {
  const line = lines[at] ?? "";
  const heading = /^(#{1,4}) +(.*)$/.exec(line);
  if (heading !== null) {
    const [, marks = "", text = ""] = heading;
    return [{ kind: "heading", level: marks.length, text }, at + 1];
  }
  if (line.startsWith("```")) return fenced(lines, at);
  if (line.startsWith("    ")) return indented(lines, at);
  if (line.startsWith("|")) return table(lines, at);
  if (listItem.test(line)) return list(lines, at);
  const end = endOf(lines, at, (next) => next.trim() !== "" && !/^(#|```|\||[*-] )/.test(next));
  const text = lines.slice(at, Math.max(end, at + 1)).join(" ");
  return [{ kind: "paragraph", text }, end];
}

function endOf(
  lines: readonly string[],
  at: number,
  belongs: (line: string, index: number) => boolean,
): number {
  let end = at + 1;
  while (end < lines.length && belongs(lines[end] ?? "", end)) end += 1;
  return end;
}

function fenced(lines: readonly string[], at: number): Read {
  const end = endOf(lines, at, (line) => !line.startsWith("```"));
  return [{ kind: "code", text: lines.slice(at + 1, end).join("\n") }, end + 1];
}

function indented(lines: readonly string[], at: number): Read {
  const end = endOf(lines, at, (line) => line.startsWith("    ") || line === "");
  const text = lines
    .slice(at, end)
    .map((line) => line.slice(4))
    .join("\n")
    .trimEnd();
  return [{ kind: "code", text }, end];
}

function table(lines: readonly string[], at: number): Read {
  const end = endOf(lines, at, (line) => line.startsWith("|"));
  const [head = [], , ...rows] = lines.slice(at, end).map(cellsOf);
  return [{ kind: "table", head, rows }, end];
}

/** A bar within code, or behind a backslash, does not end a cell. */
function cellsOf(line: string): string[] {
  const cells = [""];
  let isCode = false;
  for (const part of line
    .trim()
    .replace(/^\|/, "")
    .replace(/\|$/, "")
    .match(/\\\||[^]/gu) ?? []) {
    if (part === "`") isCode = !isCode;
    if (part === "|" && !isCode) cells.push("");
    else cells[cells.length - 1] += part === "\\|" ? "|" : part;
  }
  return cells.map((cell) => cell.trim());
}

function list(lines: readonly string[], at: number): Read {
  const end = endOf(lines, at, (line, index) => {
    if (listItem.test(line) || /^ +\S/.test(line)) return true;
    return line === "" && listItem.test(lines[index + 1] ?? "");
  });
  const items: string[] = [];
  for (const line of lines.slice(at, end)) {
    if (listItem.test(line)) items.push(line.replace(listItem, ""));
    else if (line !== "" && items.length > 0) items[items.length - 1] += ` ${line.trim()}`;
  }
  return [{ kind: "list", isOrdered: /^\d/.test(lines[at] ?? ""), items }, end];
}

export type Inline =
  | { readonly kind: "text" | "code" | "strong" | "em"; readonly text: string }
  | { readonly kind: "link"; readonly text: string; readonly to: string };

const inlineForm = /`([^`]+)`|\*\*([^*]+)\*\*|\[([^\]]+)\]\(([^)\s]+)\)|\*([^*\s][^*]*)\*/g;

export function inlinesOf(text: string): Inline[] {
  const found: Inline[] = [];
  let at = 0;
  for (const match of text.matchAll(inlineForm)) {
    if (match.index > at) found.push({ kind: "text", text: text.slice(at, match.index) });
    at = match.index + match[0].length;
    const [, code, strong, label, to, em] = match;
    if (code !== undefined) found.push({ kind: "code", text: code });
    else if (strong !== undefined) found.push({ kind: "strong", text: strong });
    else if (label !== undefined) found.push({ kind: "link", text: label, to: to ?? "" });
    else found.push({ kind: "em", text: em ?? "" });
  }
  if (at < text.length) found.push({ kind: "text", text: text.slice(at) });
  return found;
}

/** As GitHub names the anchors of headings. */
export function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .trim()
    .replaceAll(" ", "-");
}
