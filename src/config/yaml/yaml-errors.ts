// Problems of YAML syntax, explained to readers who do not know its grammar.
import { Composer, Lexer, LineCounter, Parser, isScalar, visit } from "yaml";
import type { CST, Document } from "yaml";
import type { Place, Problem } from "./yaml.ts";

/** The limit for nested lists and maps, in the text and after aliases are expanded. */
export const maxDepth = 64;

interface Parsed {
  readonly contents: unknown;
  readonly problems: readonly Problem[];
  place(offset: number): Place;
}

/** The syntax tree of one document, as the yaml package builds it, with its syntax problems. */
export function parseText(text: string): Parsed {
  const lines = new LineCounter();
  const place = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) }; // an empty text has no lines
  };
  const { tokens, tooDeep } = tokensOf(text, lines);
  if (tooDeep !== null) {
    const message = "expected a value, got values nested too deeply";
    return { contents: null, problems: [{ ...place(tooDeep), steps: [], message }], place };
  }
  // Keys are compared while the nodes are built: the package's own check takes quadratic time.
  const composer = new Composer({ uniqueKeys: false });
  const [first, second] = Array.from(composer.compose(tokens, true, text.length));
  if (first === undefined) throw new Error("bug: a text without a document");
  const problems = syntaxProblems(first, text, place);
  if (second !== undefined) {
    const message = "expected one document, got a second one after ---";
    problems.push({ ...place(second.range[0]), steps: [], message });
  }
  return { contents: first.contents, problems, place };
}

/**
 * The tokens up to the place where values are nested too deeply. All later steps are recursive, and a
 * stack overflow inside a regular expression would end the process.
 */
function tokensOf(text: string, lines: LineCounter) {
  const tokens: CST.Token[] = [];
  const parser = new Parser(lines.addNewLine);
  lines.addNewLine(0);
  for (const lexeme of new Lexer().lex(text)) {
    tokens.push(...parser.next(lexeme));
    if (parser.stack.length > maxDepth + 2) return { tokens, tooDeep: parser.offset };
  }
  tokens.push(...parser.end());
  return { tokens, tooDeep: null };
}

/** Messages by the parser's own message; the first match counts. */
const messages: readonly (readonly [RegExp, string])[] = [
  [/^Tabs are not allowed/, "expected spaces, got a tab: YAML is indented by spaces only"],
  [/^Flow sequence/, "expected a closing ] before this point"],
  [/^Flow map/, "expected a closing } before this point"],
  [/^All mapping items must start/, "expected a key indented like those above it"],
  [
    /^Sequence item without - indicator/,
    'expected an item that begins with "- ", or a key indented like the keys of the item above',
  ],
  [
    /^Nested mappings are not allowed in compact/,
    'expected one value after the colon, got another "key: value": check the indentation of the next line, or put the text in quotes',
  ],
  [
    /^Implicit keys need to be on a single line/,
    'expected "key: value" on one line: check the indentation, and the space after the colon',
  ],
  [
    /^Implicit map keys need to be followed/,
    'expected "key: value", got text without a colon: check the indentation',
  ],
  [/^Block collections are not allowed within flow/, "expected a comma after this value"],
  [/^Missing , (or : )?between flow/, "expected a comma before this"],
  [
    /^Unexpected flow-(map|seq)-start at node end/,
    "expected a comma or a closing bracket after this value: text that contains { or [ must be quoted here",
  ],
  [
    /^Unexpected scalar at node end/,
    "expected the value above to end here: check the indentation, or quote the whole text",
  ],
  [
    /^Unexpected block-seq-ind on same line/,
    'expected the list to begin on the next line, got "- " right after the key',
  ],
  [
    /^Unexpected flow-(map|seq)-end/,
    "expected the end of the file, got a closing bracket that was never opened",
  ],
  [
    /^Plain value cannot start with/,
    "expected text: a value that begins with this character must be quoted",
  ],
  [
    /^Alias (cannot be an empty|ending in)/,
    "expected the name of an anchor after *: text that begins with * must be quoted",
  ],
  [/^Missing closing/, "the quote that opens here is never closed"],
  [
    /^Invalid escape sequence/,
    "expected a known escape after \\ in double quotes: write \\\\ for the character itself, or use single quotes",
  ],
  [/^Unresolved tag/, "expected a value without a !tag"],
  [/^Block scalar header includes/, "expected the end of the line after | or >"],
];

/** After a wrong bracket or quote the parser calls everything that follows unexpected. */
const isAftermath = /^Unexpected .* token in YAML stream/;

/** One problem per line, because further ones on a line are nearly always the same mistake. */
function syntaxProblems(
  document: Document.Parsed,
  text: string,
  place: (offset: number) => Place,
): Problem[] {
  const problems: Problem[] = [];
  const lines = new Set<number>();
  for (const { message, pos } of [...document.errors, ...document.warnings]) {
    if (isAftermath.test(message) && problems.length > 0) continue;
    const isOpenQuote = message.startsWith("Missing closing");
    const at = place(isOpenQuote ? (openQuote(document, text) ?? pos[0]) : pos[0]);
    if (lines.has(at.line)) continue;
    lines.add(at.line);
    problems.push({ ...at, steps: [], message: syntaxMessage(message) });
  }
  return problems;
}

function syntaxMessage(message: string): string {
  const known = messages.find(([expression]) => expression.test(message));
  return known?.[1] ?? `expected YAML or JSON: ${message.split("\n")[0] ?? ""}`;
}

/** The start of the text whose closing quote is missing; the parser points at the end of the file. */
function openQuote(document: Document.Parsed, text: string): number | null {
  let found: number | null = null;
  visit(document, (_, node) => {
    if (!isScalar(node) || !node.type?.startsWith("QUOTE") || !node.range) return;
    const [start, end] = node.range;
    const isClosed = end - start > 1 && text.charAt(end - 1) === text.charAt(start);
    if (!isClosed) found = start;
  });
  return found;
}
