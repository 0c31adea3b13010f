// Reads the text of paths, name trees and dtabs; on failure it reports where and why.
import type { Parsed } from "./parsed.ts";

/** White space as Java sees it (which the originals use): Unicode's without the no-break spaces. */
function isBlank(code: number): boolean {
  if (code > 127) return wideBlanks.has(code);
  return code === 32 || (code >= 9 && code <= 13) || (code >= 28 && code <= 31);
}

/** Zs without U+00A0, U+2007 and U+202F, Zl and Zp. */
const wideBlanks: ReadonlySet<number> = new Set([
  0x1680, 0x2000, 0x2001, 0x2002, 0x2003, 0x2004, 0x2005, 0x2006, 0x2008, 0x2009, 0x200a, 0x2028,
  0x2029, 0x205f, 0x3000,
]);

/** `0-9 A-Z a-z _ : . # $ % -` */
function isShowable(code: number): boolean {
  return (
    (code >= 48 && code <= 58) || // 0-9 and ':'
    (code >= 65 && code <= 90) ||
    (code >= 97 && code <= 122) ||
    code === 95 ||
    code === 46 ||
    (code >= 35 && code <= 37) || // # $ %
    code === 45
  );
}

/** Blanks before a `#` make it a comment; inside a label it is an ordinary character. */
export class Reader {
  readonly text: string;
  offset = 0;
  #problem = "";
  #problemOffset = 0;

  constructor(text: string) {
    this.text = text;
  }

  get atEnd(): boolean {
    return this.offset >= this.text.length;
  }

  get atLabel(): boolean {
    return !this.atEnd && (isShowable(this.#code) || this.at("\\"));
  }

  at(token: string): boolean {
    return this.text.startsWith(token, this.offset);
  }

  take(token: string): boolean {
    if (!this.at(token)) return false;
    this.offset += token.length;
    return true;
  }

  /** Skips white space and comments. */
  skipBlank(): void {
    while (!this.atEnd) {
      if (isBlank(this.#code)) this.offset++;
      else if (this.at("#")) {
        const end = this.text.indexOf("\n", this.offset);
        this.offset = end < 0 ? this.text.length : end + 1;
      } else return;
    }
  }

  /** The text that matches a sticky expression, or null. */
  match(expression: RegExp): string | null {
    expression.lastIndex = this.offset;
    const found = expression.exec(this.text)?.[0] ?? null;
    if (found !== null) this.offset += found.length;
    return found;
  }

  /** One label's bytes; null after noting what was expected. */
  label(): Uint8Array | null {
    const bytes: number[] = [];
    while (this.atLabel) {
      if (!this.take("\\")) bytes.push(this.text.charCodeAt(this.offset++));
      else {
        const byte = this.#hexByte();
        if (byte === null) return null;
        bytes.push(byte);
      }
    }
    return bytes.length > 0 ? Uint8Array.from(bytes) : this.note("label");
  }

  #hexByte(): number | null {
    if (!this.take("x")) return this.note("'x'");
    const start = this.offset;
    for (let i = 0; i < 2; i++, this.offset++) {
      if (!/^[0-9A-Fa-f]$/.test(this.text.charAt(this.offset))) return this.note("a hex digit");
    }
    return parseInt(this.text.slice(start, this.offset), 16);
  }

  /** Records what was expected here; the first note counts. Returns null for `return note()`. */
  note(expected: string): null {
    if (this.#problem !== "") return null;
    this.#problem = expected;
    this.#problemOffset = this.offset;
    return null;
  }

  /** The failure that was noted. */
  failure(): Parsed<never> {
    const offset = this.#problemOffset;
    const before = this.text.slice(0, offset);
    const line = before.split("\n").length;
    const column = offset - (before.lastIndexOf("\n") + 1) + 1;
    const found = this.#found(offset);
    const message = `${this.#problem} expected but ${found} found at ${this.#quote(offset)} (line ${line}, column ${column})`;
    return { ok: false, error: { message, offset, line, column } };
  }

  /** What stands there, in words when it would break the line or is nothing. */
  #found(offset: number): string {
    const code = this.text.codePointAt(offset);
    if (code === undefined) return "end of input";
    if (code === 10 || code === 13) return "end of line";
    return code < 32 || code === 127 ? `byte ${code}` : `'${String.fromCodePoint(code)}'`;
  }

  expected(what: string): Parsed<never> {
    this.note(what);
    return this.failure();
  }

  /** The line around the place, the place marked: `'/foo[^]bar'`, `'/foo/bar/[]'`. */
  #quote(offset: number): string {
    const start = this.text.lastIndexOf("\n", offset - 1) + 1;
    const lineEnd = this.text.indexOf("\n", offset);
    const end = lineEnd < 0 ? this.text.length : lineEnd;
    const first = Math.max(start, offset - 30);
    const last = Math.min(end, offset + 30);
    const marked = `[${this.text.slice(offset, Math.min(offset + 1, last))}]`;
    const quoted = this.text.slice(first, offset) + marked + this.text.slice(offset + 1, last);
    const shown = quoted.replaceAll(/[\0-\x1f\x7f]/g, "?"); // a message is one line
    return `'${first > start ? "..." : ""}${shown}${last < end ? "..." : ""}'`;
  }

  get #code(): number {
    return this.text.charCodeAt(this.offset);
  }
}
