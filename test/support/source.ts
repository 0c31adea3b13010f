// Reads TypeScript source well enough for rules about it: import lines, words, lengths. It knows
// comments, strings, templates and regular expressions; it is no parser, and relies on oxfmt's
// layout to tell where a function starts.

/** The text with comments and the insides of strings turned to spaces; line breaks stay. */
export function blankOut(source: string): string {
  const out = source.split(""); // by UTF-16 units, as indices count
  const blank = (from: number, to: number): void => {
    for (let at = from; at < to; at++) if (out[at] !== "\n") out[at] = " ";
  };
  // The braces of `${}` inside templates; the number is how many ordinary ones are open in it.
  const templates: number[] = [];
  let at = 0;
  while (at < source.length) {
    const end = endOfToken(source, at, templates);
    const char = source[at] ?? "";
    if (end > at + 1) blank(char === "/" ? at : at + 1, char === "/" ? end : end - 1);
    at = end;
  }
  return out.join("");
}

/** Where the comment, string, template part or regular expression that starts at `at` ends. */
function endOfToken(source: string, at: number, templates: number[]): number {
  const char = source[at];
  const next = source[at + 1];
  const depth = templates.at(-1);
  if (char === "/" && next === "/") return endAt(source.indexOf("\n", at), source);
  if (char === "/" && next === "*") return endAt(source.indexOf("*/", at + 2), source, 2);
  if (char === "/" && startsRegExp(source, at)) return endOfRegExp(source, at);
  if (char === '"' || char === "'") return endOfString(source, at, char);
  if (char === "`") return endOfTemplatePart(source, at, templates);
  if (depth !== undefined && char === "{") templates[templates.length - 1] = depth + 1;
  if (depth !== undefined && char === "}") {
    templates.pop();
    if (depth === 0) return endOfTemplatePart(source, at, templates);
    templates.push(depth - 1);
  }
  return at + 1;
}

function endAt(found: number, source: string, length = 0): number {
  return found < 0 ? source.length : found + length;
}

function endOfString(source: string, start: number, quote: string): number {
  let at = start + 1;
  while (at < source.length && source[at] !== quote) at += source[at] === "\\" ? 2 : 1;
  return at + 1;
}

/** Ends behind the closing backquote, or behind the `${` that opens an expression. */
function endOfTemplatePart(source: string, start: number, templates: number[]): number {
  for (let at = start + 1; at < source.length; at++) {
    if (source[at] === "\\") at++;
    else if (source[at] === "`") return at + 1;
    else if (source[at] === "$" && source[at + 1] === "{") {
      templates.push(0);
      return at + 2;
    }
  }
  return source.length;
}

/** A slash behind an operand divides; anywhere else it starts a regular expression. */
function startsRegExp(source: string, at: number): boolean {
  const before = source.slice(Math.max(0, at - 40), at).trimEnd();
  if (/\b(?:return|typeof|case|of|in)$/.test(before)) return true;
  return before === "" || !/[\w$)\]}"'`]$/.test(before);
}

function endOfRegExp(source: string, start: number): number {
  let isInClass = false;
  for (let at = start + 1; at < source.length; at++) {
    const char = source[at];
    if (char === "\n") return start + 1; // was none
    if (char === "\\") at++;
    else if (char === "[") isInClass = true;
    else if (char === "]") isInClass = false;
    else if (char === "/" && !isInClass) return at + 1;
  }
  return start + 1;
}

export interface Import {
  /** As written: `./path.ts`, `node:net`, `valibot`. */
  readonly specifier: string;
  readonly line: number;
  /** Gone when the program runs (`import type`), or loaded only when needed (`import()`). */
  readonly isDeferred: boolean;
}

const importForms = [
  /^(?:import|export)\s+[\w$*{},\s]*?\bfrom\s*"([^"]+)"/gm,
  /^import\s*"([^"]+)"/gm,
  /\bimport\(\s*"([^"]+)"\s*\)/g,
];

/** Static and dynamic imports, of values and of types. */
export function importsOf(source: string): Import[] {
  const code = blankOut(source);
  return importForms
    .flatMap((form) => [...source.matchAll(form)])
    .filter(({ index }) => /^(?:import|export)/.test(code.slice(index))) // not inside a comment
    .map((match) => ({
      specifier: match[1] ?? "",
      line: lineAt(source, match.index),
      isDeferred: /^(?:import|export) type\b|^import\(/.test(match[0]),
    }));
}

export function lineAt(source: string, index: number): number {
  return source.slice(0, index).split("\n").length;
}

export interface FunctionSpan {
  readonly line: number;
  readonly lines: number;
  /** What is written directly above it, such as its doc comment. */
  readonly above: string;
}

const opensBody = /(?:=>|\)\s*(?::\s*(?:[^\s{].*|\{.*\}.*))?|^\s*\})\s*\{$/;
const isControl = /^\s*(?:\}\s*)?(?:\w+:\s*)?(?:if|else|for|while|do|switch|catch|try|finally)\b/;

/** Every function, method and arrow function whose body has lines of its own. */
export function functionsOf(source: string): FunctionSpan[] {
  const lines = blankOut(source).split("\n");
  const written = source.split("\n");
  const spans: FunctionSpan[] = [];
  for (const [at, line] of lines.entries()) {
    if (!opensBody.test(line.trimEnd())) continue;
    const head = headLine(lines, at);
    if (isControl.test(lines[head] ?? "")) continue;
    const last = closingLine(lines, at);
    spans.push({ line: head + 1, lines: last - head + 1, above: commentAbove(written, head) });
  }
  return spans;
}

/** A signature over several lines ends with `): T {`, indented as the line where it started. */
function headLine(lines: readonly string[], at: number): number {
  if (!/^\s*[)}\]]/.test(lines[at] ?? "")) return at;
  const indent = indentOf(lines[at] ?? "");
  for (let head = at - 1; head >= 0; head--) {
    const line = lines[head] ?? "";
    if (line.trim() !== "" && indentOf(line) <= indent && !/^\s*[)}\]]/.test(line)) return head;
  }
  return at;
}

/** The brace that ends `lines[at]` is closed by the next line that starts with one, as indented. */
function closingLine(lines: readonly string[], at: number): number {
  const indent = indentOf(lines[at] ?? "");
  const found = lines.findIndex(
    (line, index) => index > at && indentOf(line) === indent && line.trimStart().startsWith("}"),
  );
  return found < 0 ? lines.length - 1 : found;
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}

function commentAbove(written: readonly string[], head: number): string {
  let first = head;
  while (first > 0 && /^\s*(?:\/\/|\/?\*)/.test(written[first - 1] ?? "")) first--;
  return written.slice(first, head).join("\n");
}
