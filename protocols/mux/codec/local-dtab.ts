// The dtab of a Tdispatch: parsed once for all calls that carry the same bytes.
import { Buffer } from "node:buffer";
import { parsePrefix } from "../../../src/core/names/dtab.ts";
import type { Dtab } from "../../../src/core/names/dtab.ts";
import { memoized } from "../../../src/core/memo.ts";
import { parseTree } from "../../../src/core/names/nametree.ts";
import { shortLength } from "./contexts.ts";
import { maxShortLength } from "./messages.ts";

/** `wire`: its count and entries, as a mux peer can read them. */
export interface LocalDtab {
  readonly dtab: Dtab;
  readonly wire: Buffer;
}

interface BadDtab {
  readonly badDtab: string;
}

/** Parsed dtabs to remember: callers tend to send the same one again. */
const maxDtabs = 1024;
const longestDtab = 16_384;

/** The end of the dtab whose count is at `start`; -1 when it is cut short. */
export function dtabEnd(bytes: Buffer, start: number): number {
  const count = shortLength(bytes, start);
  if (count < 0) return -1;
  const size = bytes.length;
  let at = start + 2;
  // Up to 65,534 steps, before anybody knows whether the dtab is too long: without a call for each.
  for (let left = 2 * count; left > 0; left--) {
    if (at + 2 > size) return -1;
    const length = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
    if (length > maxShortLength) return -1;
    at += 2 + length;
  }
  return at > size ? -1 : at;
}

/** Parses a dtab given as latin1, one character per byte; results are remembered. */
export const dtabOf: (latin1: string) => LocalDtab | BadDtab = memoized(
  maxDtabs,
  (latin1) => read(Buffer.from(latin1, "latin1")),
  longestDtab,
);

function read(bytes: Buffer): LocalDtab | BadDtab {
  const dtab: Dtab[number][] = [];
  const kept: Buffer[] = [];
  let at = 2;
  while (at < bytes.length) {
    const entryAt = at;
    const prefixText = shortText(bytes, at);
    at += 2 + bytes.readUInt16BE(at);
    const treeText = shortText(bytes, at);
    at += 2 + bytes.readUInt16BE(at);
    const prefix = parsePrefix(prefixText);
    if (!prefix.ok) return { badDtab: `the prefix ${prefixText}: ${prefix.error.message}` };
    const dst = parseTree(treeText);
    if (!dst.ok) return { badDtab: `the entry of ${prefixText}: ${dst.error.message}` };
    dtab.push({ prefix: prefix.value, dst: dst.value });
    // Finagle writes `*` in a prefix, but closes a session that sends it one.
    if (!prefix.value.includes(null)) kept.push(bytes.subarray(entryAt, at));
  }
  const count = Buffer.alloc(2);
  count.writeUInt16BE(kept.length);
  return { dtab, wire: Buffer.concat([count, ...kept]) };
}

function shortText(bytes: Buffer, at: number): string {
  return bytes.toString("utf8", at + 2, at + 2 + bytes.readUInt16BE(at));
}
