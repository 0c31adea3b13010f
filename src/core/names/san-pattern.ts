// Patterns for the names in a certificate: `spiffe://example.com/ns/*/web`, `*.users.example.com`.
import type { Parsed } from "./parsed.ts";
import type { PathPattern } from "./path-pattern.ts";

export interface SanPattern {
  readonly text: string;
  /** Takes steps in proportion to the lengths of both. */
  matches(name: string): boolean;
}

/** One entry of `allow` of a server. */
export interface AllowRule {
  /** A caller is meant if any name of its certificate matches. */
  readonly san: SanPattern;
  /** Beginnings of logical names; null: all names. */
  readonly paths: readonly PathPattern[] | null;
}

const maxChars = 256;

/**
 * `*` stands for any characters of one part, `**` as the last part for one or more parts. Parts end at `/`
 * in URIs, and at `.` in DNS names, whose case does not count.
 */
export function parseSanPattern(text: string): Parsed<SanPattern> {
  if (text === "" || text.length > maxChars || !/^[\x21-\x7e]+$/.test(text)) {
    return wrong(text, `1 to ${maxChars} printable characters expected`);
  }
  const separator = text.includes("://") ? "/" : ".";
  const written = separator === "/" ? text : text.toLowerCase();
  const parts = written.split(separator);
  const isOpen = parts.at(-1) === "**";
  if (isOpen) parts.pop();
  if (parts.some((part) => part.split("*").length > 2)) {
    return wrong(text, "at most one '*' in a part, and '**' only as the last part");
  }
  const matches = (name: string) => {
    const given = name.split(separator);
    if (isOpen ? given.length <= parts.length : given.length !== parts.length) return false;
    return parts.every((part, i) => fits(given[i] ?? "", part));
  };
  return { ok: true, value: { text, matches } };
}

function fits(given: string, part: string): boolean {
  const star = part.indexOf("*");
  if (star < 0) return given === part;
  const [head, tail] = [part.slice(0, star), part.slice(star + 1)];
  return given.length >= part.length && given.startsWith(head) && given.endsWith(tail);
}

function wrong(text: string, message: string): Parsed<SanPattern> {
  return {
    ok: false,
    error: { message: `${message}, got '${text.slice(0, 60)}'`, offset: 0, line: 1, column: 1 },
  };
}
