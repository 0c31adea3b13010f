// Paths such as `/svc/users`: non-empty byte strings joined by slashes.
import { Reader } from "./reader.ts";
import type { Parsed } from "./parsed.ts";

declare const pathBrand: unique symbol;

/**
 * A checked path in canonical text form: equal bytes, equal string. It is the key of every cache,
 * hence a string and not a list. `/` is the empty path. A segment that holds any byte outside
 * `0-9 A-Z a-z _ : . # $ % -` has every byte written as `\xNN` (Finagle's `Path.show`).
 */
export type Path = string & { readonly [pathBrand]: true };

/** The empty path. */
export const root = "/" as Path;

const showable = /^[0-9A-Za-z_:.#$%-]+$/;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** Reads `/a/b`, white space and comments around it allowed, `\xNN` escapes within. */
export function parsePath(text: string): Parsed<Path> {
  const reader = new Reader(text);
  reader.skipBlank();
  const path = readPath(reader);
  if (path === null) return reader.failure();
  reader.skipBlank();
  if (!reader.atEnd) return reader.expected("end of input");
  return { ok: true, value: path };
}

/** For literals in code: throws on text that is not a path, which is a bug. */
export function pathLiteral(text: string): Path {
  const parsed = parsePath(text);
  if (!parsed.ok) throw new Error(`bug: bad path literal: ${parsed.error.message}`);
  return parsed.value;
}

/** Reads a path at the reader's place; null after noting what was expected. */
export function readPath(reader: Reader): Path | null {
  const segments = readSegments(reader, false);
  return segments === null ? null : pathOfShown(segments as string[]);
}

/**
 * Reads `/`, or `/label/label`; with `wildcards` a segment may be `*`, given as null. Segments
 * come out in canonical text.
 */
export function readSegments(reader: Reader, wildcards: boolean): (string | null)[] | null {
  if (!reader.take("/")) return reader.note("'/'");
  const segments: (string | null)[] = [];
  if (!reader.atLabel && !(wildcards && reader.at("*"))) {
    // A bare `/` is the empty path; `//` is not.
    return reader.at("/") ? reader.note("label") : segments;
  }
  do {
    const segment = wildcards && reader.take("*") ? null : readSegment(reader);
    if (segment === undefined) return null;
    segments.push(segment);
  } while (reader.take("/"));
  return segments;
}

const plainLabel = /[0-9A-Za-z_:.#$%-]+/y;

/** One segment in canonical text; undefined after noting what was expected. */
function readSegment(reader: Reader): string | undefined {
  const start = reader.offset;
  const plain = reader.match(plainLabel);
  if (plain !== null && !reader.at("\\")) return plain;
  reader.offset = start; // escapes in it: byte by byte
  const bytes = reader.label();
  return bytes === null ? undefined : showSegment(bytes);
}

/** The canonical text of one segment. */
export function showSegment(bytes: Uint8Array): string {
  let plain = "";
  for (const byte of bytes) plain += String.fromCharCode(byte);
  if (showable.test(plain)) return plain;
  let escaped = "";
  for (const byte of bytes) escaped += `\\x${byte.toString(16).padStart(2, "0")}`;
  return escaped;
}

/** The canonical text of a segment that is any non-empty string, as UTF-8 (`Path.Utf8`). */
export function segmentOf(text: string): string {
  return showable.test(text) ? text : showSegment(encoder.encode(text));
}

/** A path of segments in canonical text. */
export function pathOfShown(segments: readonly string[]): Path {
  return (segments.length === 0 ? "/" : `/${segments.join("/")}`) as Path;
}

/** A path of segments that are any non-empty strings. */
export function pathOf(...segments: readonly string[]): Path {
  return pathOfShown(segments.map(segmentOf));
}

/** The segments in canonical text; empty for `/`. */
export function segmentsOf(path: Path): string[] {
  return path === "/" ? [] : path.slice(1).split("/");
}

/** The bytes of a segment in canonical text. */
export function segmentBytes(segment: string): Uint8Array {
  if (!segment.startsWith("\\")) return encoder.encode(segment);
  return Uint8Array.from(segment.slice(2).split("\\x"), (hex) => parseInt(hex, 16));
}

/** A segment as people wrote it: unescaped when it is UTF-8, in canonical text when not. */
export function segmentText(segment: string): string {
  if (!segment.startsWith("\\")) return segment;
  try {
    return decoder.decode(segmentBytes(segment));
  } catch {
    return segment;
  }
}

/** `/a/b` and `/c` give `/a/b/c`. */
export function join(a: Path, b: Path): Path {
  if (a === "/") return b;
  return b === "/" ? a : ((a + b) as Path);
}

/** `/a/b` and a segment in canonical text. */
export function append(path: Path, segment: string): Path {
  return (path === "/" ? `/${segment}` : `${path}/${segment}`) as Path;
}

/** Whether `path` begins with all the segments of `prefix`. */
export function startsWith(path: Path, prefix: Path): boolean {
  if (prefix === "/" || path === prefix) return true;
  return path.startsWith(prefix) && path.charCodeAt(prefix.length) === 47; // '/'
}

/** `path` without the segments of `prefix`, which it starts with. */
export function without(path: Path, prefix: Path): Path {
  if (prefix === "/") return path;
  return (path.length === prefix.length ? "/" : path.slice(prefix.length)) as Path;
}

/** `path` without its first `count` segments. */
export function drop(path: Path, count: number): Path {
  let start = 0;
  for (let i = 0; i < count && start !== -1; i++) start = path.indexOf("/", start + 1);
  return start === -1 ? root : (path.slice(start) as Path);
}
