// Delegation tables: ordered rewrite rules from names to trees of names.
import type { NameTree } from "./nametree.ts";
import type { Parsed } from "./parsed.ts";
import type { Path } from "./path.ts";

/** A dentry's left side: one entry a segment, in canonical text; null is `*`, any one segment. */
export type Prefix = readonly (string | null)[];

/** One rewrite rule. Later entries win. */
export interface Dentry {
  readonly prefix: Prefix;
  readonly dst: NameTree<Path>;
}
export type Dtab = readonly Dentry[];

export const emptyDtab: Dtab = [];

/** Reads `/svc => /#/io.l5d.fs ; ...`. */
export function parseDtab(text: string): Parsed<Dtab> {
  throw new Error(`bug: not written yet: ${text}`);
}
