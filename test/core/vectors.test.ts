// Every case of test/vectors/dtab.json that needs no namers; test/naming/vectors.test.ts has the rest.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  concat,
  isEquivalent,
  lookup,
  parseDentry,
  parseDtab,
  parsePrefix,
  showDentry,
  showDtab,
  showPrefix,
  simplifyDtab,
  stripPrefix,
} from "../../src/core/names/dtab.ts";
import type { Dtab } from "../../src/core/names/dtab.ts";
import { evaluate, parseTree, showTree, simplify } from "../../src/core/names/nametree.ts";
import type { NameTree } from "../../src/core/names/nametree.ts";
import type { Parsed } from "../../src/core/names/parsed.ts";
import {
  parsePath,
  pathOfShown,
  segmentBytes,
  segmentsOf,
  segmentText,
  showSegment,
} from "../../src/core/names/path.ts";
import { selector } from "../../src/core/names/select.ts";
import { fromNotation, toNotation, vectors } from "../support/vectors.ts";
import type { TreeNotation, VectorCase } from "../support/vectors.ts";

const kinds: Record<string, (vector: VectorCase) => void> = {
  "path-parse": (vector) => {
    const path = good(parsePath(textOf(vector["in"])));
    const out = vector["out"] as { elems?: string[]; elemsHex: string[]; show: string };
    const segments = segmentsOf(path);
    assert.equal(path, out.show);
    assert.deepEqual(segments.map(hexOf), out.elemsHex);
    if (out.elems !== undefined) assert.deepEqual(segments.map(segmentText), out.elems);
  },
  "path-show": (vector) => {
    const { elemsHex } = vector["in"] as { elemsHex: string[] };
    const shown = elemsHex.map((hex) => showSegment(Buffer.from(hex, "hex")));
    assert.equal(pathOfShown(shown), vector["out"]);
  },
  "prefix-parse": (vector) => {
    const prefix = good(parsePrefix(textOf(vector["in"])));
    const elems = prefix.map((segment) =>
      segment === null ? "*" : { label: segmentText(segment) },
    );
    assert.deepEqual({ elems, show: showPrefix(prefix) }, vector["out"]);
  },
  "nametree-parse": (vector) => {
    const tree = good(parseTree(textOf(vector["in"])));
    assert.deepEqual({ tree: notationOf(tree), show: showTree(tree) }, vector["out"]);
  },
  "nametree-simplify": (vector) => {
    const tree = simplify(good(parseTree(textOf(vector["in"]))));
    assert.deepEqual(notationOf(tree), vector["out"]);
  },
  "nametree-eval": (vector) => {
    const leaves = evaluate(good(parseTree(textOf(vector["in"]))));
    assert.deepEqual(leaves === null ? null : [...leaves].sort(), vector["out"]);
  },
  "dentry-parse": (vector) => {
    const dentry = good(parseDentry(textOf(vector["in"])));
    const { prefix, dst } = dentry;
    assert.deepEqual(
      { prefix: showPrefix(prefix), dst: notationOf(dst), show: showDentry(dentry) },
      vector["out"],
    );
  },
  "dtab-parse": (vector) => {
    const dtab = dtabOf(vector["in"]);
    const dentries = dtab.map(({ prefix, dst }) => ({
      prefix: showPrefix(prefix),
      dst: notationOf(dst),
    }));
    const show = showDtab(dtab);
    const simplifiedShow = showDtab(simplifyDtab(dtab));
    assert.deepEqual({ dentries, show, simplifiedShow }, vector["out"]);
  },
  "parse-error": (vector) => {
    const { grammar, text } = vector["in"] as { grammar: string; text: string };
    const parsed = parserOf(grammar)(text);
    assert.ok(!parsed.ok, "must not parse");
    const { finagleMessage } = vector["out"] as { finagleMessage: string };
    assert.equal(parsed.error.offset, offsetIn(finagleMessage, text), parsed.error.message);
    assert.match(
      parsed.error.message,
      / expected but .+ found at '.*\[.?\].*' \(line \d+, column \d+\)/,
    );
  },
  lookup: (vector) => {
    const path = good(parsePath(textOf(vector["path"])));
    assert.deepEqual(notationOf(lookup(dtabOf(vector["dtab"]), path)), vector["out"]);
  },
  "dtab-concat": (vector) => {
    assert.equal(showDtab(concat(dtabOf(vector["a"]), dtabOf(vector["b"]))), vector["out"]);
  },
  "dtab-strip-prefix": (vector) => {
    const rest = stripPrefix(dtabOf(vector["dtab"]), dtabOf(vector["prefix"]));
    assert.equal(showDtab(rest), vector["out"]);
  },
  "dtab-equiv": (vector) => {
    assert.equal(isEquivalent(dtabOf(vector["a"]), dtabOf(vector["b"])), vector["out"]);
  },
  select: (vector) => {
    const retainUnreachable = vector["retainUnreachable"] !== false;
    const tree = fromNotation(vector["tree"] as TreeNotation);
    const { shares } = selector(tree, { retainUnreachable });
    const got = new Map(shares.map(({ value, probability }) => [value ?? "", probability]));
    const expected = Object.entries(vector["out"] as Record<string, number>);
    for (const [leaf, probability] of expected) near(got.get(leaf) ?? 0, probability);
    near(
      [...got.values()].reduce((a, b) => a + b, 0),
      1,
    );
    for (const leaf of got.keys()) assert.ok(expected.some(([name]) => name === leaf));
  },
};

/** Run by test/naming/vectors.test.ts. */
const elsewhere = new Set(["bind", "delegate"]);

for (const vector of vectors("dtab.json")) {
  if (elsewhere.has(vector.kind)) continue;
  test(`${vector.id}: ${vector.name}`, () => {
    const run = kinds[vector.kind];
    assert.ok(run !== undefined, `no runner for the kind "${vector.kind}"`);
    run(vector);
  });
}

function good<T>(parsed: Parsed<T>): T {
  if (!parsed.ok) assert.fail(parsed.error.message);
  return parsed.value;
}

function textOf(value: unknown): string {
  assert.equal(typeof value, "string");
  return String(value);
}

function dtabOf(value: unknown): Dtab {
  return good(parseDtab(textOf(value)));
}

function hexOf(segment: string): string {
  return Buffer.from(segmentBytes(segment)).toString("hex");
}

function notationOf(tree: NameTree<string>): TreeNotation {
  return toNotation(tree, (value) => value);
}

function near(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) < 1e-12, `${actual} is not ${expected}`);
}

function parserOf(grammar: string): (text: string) => Parsed<unknown> {
  switch (grammar) {
    case "path":
      return parsePath;
    case "prefix":
      return parsePrefix;
    case "nametree":
      return parseTree;
    case "dentry":
      return parseDentry;
    case "dtab":
      return parseDtab;
    default:
      return assert.fail(`no parser for the grammar "${grammar}"`);
  }
}

/** Where Finagle's message puts its mark `[x]`. */
function offsetIn(finagleMessage: string, text: string): number {
  const quoted = finagleMessage.slice(
    finagleMessage.indexOf(" found at '") + " found at '".length,
    -1,
  );
  for (let offset = 0; offset <= text.length; offset++) {
    const marked = `${text.slice(0, offset)}[${text.slice(offset, offset + 1)}]${text.slice(offset + 1)}`;
    if (marked === quoted) return offset;
  }
  return assert.fail(`no mark in ${finagleMessage}`);
}
