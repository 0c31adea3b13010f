// Arbitrary paths, trees and dtabs for properties.
import fc from "fast-check";
import { alt, empty, fail, leaf, neg, union } from "../../src/core/names/nametree.ts";
import type { NameTree } from "../../src/core/names/nametree.ts";
import { pathOfShown, showSegment } from "../../src/core/names/path.ts";
import type { Path } from "../../src/core/names/path.ts";
import type { Dentry, Dtab } from "../../src/core/names/dtab.ts";

/** Mostly few short segments, so that prefixes meet; sometimes any bytes. */
const segments: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("a", "b", "c", "#", "$", "svc") },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 4 }).map(showSegment) },
);

export const paths: fc.Arbitrary<Path> = fc.array(segments, { maxLength: 4 }).map(pathOfShown);

const plain = { noNullPrototype: true } as const;

/** Two decimals survive being printed. */
const weights = fc.integer({ min: 0, max: 500 }).map((hundredths) => hundredths / 100);

const { tree } = fc.letrec<{ tree: NameTree<Path> }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3, depthIdentifier: "tree" },
    paths.map(leaf),
    fc.constantFrom(neg, empty, fail),
    fc.array(tie("tree"), { maxLength: 3 }).map(alt),
    fc.array(fc.record({ weight: weights, tree: tie("tree") }, plain), { maxLength: 3 }).map(union),
  ),
}));
export const trees: fc.Arbitrary<NameTree<Path>> = tree;

const prefixes = fc.array(fc.option(segments, { nil: null }), { maxLength: 3 });
const dentries: fc.Arbitrary<Dentry> = fc.record({ prefix: prefixes, dst: trees }, plain);
export const dtabs: fc.Arbitrary<Dtab> = fc.array(dentries, { maxLength: 6 });
