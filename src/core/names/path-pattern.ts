// Patterns for the beginning of a path: `/#/io.l5d.fs/{service}`, `/svc/*/{name}-{stage}`.
import { parsePath, pathOfShown, segmentOf, segmentsOf, segmentText } from "./path.ts";
import type { Path } from "./path.ts";
import type { Parsed, ParseError } from "./parsed.ts";

/** What the `{name}`s of a pattern stood for, as people wrote it (not escaped). */
export type Captures = ReadonlyMap<string, string>;

export interface PathPattern {
  readonly text: string;
  /** The captures of a path that begins with the pattern; null when it does not. */
  match(path: Path): Captures | null;
}

/** One segment's share of a match: false when it does not fit. */
type SegmentPattern = (segment: string, captures: Map<string, string>) => boolean;

const captureName = /\{([0-9A-Za-z.:_-]+)\}/;

/**
 * Reads a pattern: segments are literal, `*` (any one segment), or hold captures `{name}`. A
 * capture takes as much as it can, and the whole segment must fit: `{a}-{b}` on `x-y-z` gives
 * `x-y` and `z`. A path may go on behind the pattern.
 */
export function parsePattern(text: string): Parsed<PathPattern> {
  const trimmed = text.trim();
  if (!trimmed.startsWith("/")) return wrong(text, "'/' expected at the beginning");
  const parts = trimmed === "/" ? [] : trimmed.slice(1).split("/");
  const patterns: SegmentPattern[] = [];
  for (const part of parts) {
    const pattern = segmentPattern(part);
    if (pattern === null) {
      return wrong(text, `'${part}' is neither a path segment, nor '*', nor text with {names}`);
    }
    patterns.push(pattern);
  }
  return { ok: true, value: { text: trimmed, match: matcher(patterns) } };
}

const noCaptures: Captures = new Map();

function matcher(patterns: readonly SegmentPattern[]): (path: Path) => Captures | null {
  return (path) => {
    if (patterns.length === 0) return noCaptures;
    const segments = segmentsOf(path);
    const captures = new Map<string, string>();
    for (const [i, pattern] of patterns.entries()) {
      const segment = segments[i];
      if (segment === undefined || !pattern(segment, captures)) return null;
    }
    return captures;
  };
}

function segmentPattern(text: string): SegmentPattern | null {
  if (text === "*") return () => true;
  if (captureName.test(text)) return capturing(text);
  const literal = parsePath(`/${text}`);
  if (!literal.ok || text === "") return null;
  const [wanted] = segmentsOf(literal.value);
  return (segment) => segment === wanted;
}

function capturing(text: string): SegmentPattern {
  const pieces = text.split(captureName); // literal, name, literal, name, ..., literal
  const names = pieces.filter((_, i) => i % 2 === 1);
  const source = pieces.map((piece, i) => (i % 2 === 1 ? "(.*)" : quoted(piece))).join("");
  const expression = new RegExp(`^${source}$`, "su");
  return (segment, captures) => {
    const found = expression.exec(segmentText(segment));
    if (found === null) return false;
    names.forEach((name, i) => captures.set(name, found[i + 1] ?? ""));
    return true;
  };
}

function quoted(literal: string): string {
  return literal.replaceAll(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}

/** `{name}` replaced wherever it stands; a name that the pattern does not have stays. */
export function substitute(template: string, captures: Captures): string {
  return template.replaceAll(
    new RegExp(captureName, "g"),
    (whole, name: string) => captures.get(name) ?? whole,
  );
}

/** As `substitute`, one segment at a time; null when a segment comes out empty. */
export function substitutePath(template: string, captures: Captures): Path | null {
  if (template === "/") return "/" as Path;
  const segments = template.replace(/^\//, "").split("/");
  const filled = segments.map((segment) => substitute(segment, captures));
  return filled.includes("") ? null : pathOfShown(filled.map(segmentOf));
}

function wrong(text: string, problem: string): { ok: false; error: ParseError } {
  return {
    ok: false,
    error: { message: `${problem} in '${text}'`, offset: 0, line: 1, column: 1 },
  };
}
