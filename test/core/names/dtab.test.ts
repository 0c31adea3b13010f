import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  concat,
  emptyDtab,
  isEquivalent,
  isSameDtab,
  lookup,
  parseDtab,
  showDtab,
  simplifyDtab,
  stripPrefix,
} from "../../../src/core/names/dtab.ts";
import type { Dtab } from "../../../src/core/names/dtab.ts";
import { alt, mapTree, showTree } from "../../../src/core/names/nametree.ts";
import type { NameTree } from "../../../src/core/names/nametree.ts";
import { join, pathLiteral, pathOfShown, segmentsOf } from "../../../src/core/names/path.ts";
import type { Path } from "../../../src/core/names/path.ts";
import { dtabs, paths } from "../../support/trees.ts";
import { cpuMs } from "../../support/cpu-time.ts";

function dtab(text: string): Dtab {
  const parsed = parseDtab(text);
  if (!parsed.ok) assert.fail(parsed.error.message);
  return parsed.value;
}

test("every dtab reads back from what it prints", () => {
  fc.assert(
    fc.property(dtabs, (table) => {
      assert.deepEqual(dtab(showDtab(table)), table);
    }),
  );
});

test("blanks are those of Java: wide ones, too, but none that forbids a line break", () => {
  assert.equal(showDtab(dtab("\u2003/a\u3000=>\u2028/b\u2009|\u205f/c")), "/a=>/b | /c");
  for (const blank of ["\u00a0", "\u2007", "\u202f", "\ufeff"]) {
    assert.ok(!parseDtab(`/a =>${blank}/b`).ok, JSON.stringify(blank));
  }
});

/** The rule without an index, straight from Finagle: every matching entry, the last first. */
function slowLookup(table: Dtab, path: Path): NameTree<Path> {
  const segments = segmentsOf(path);
  const found = table.filter(
    ({ prefix }) =>
      prefix.length <= segments.length &&
      prefix.every((segment, i) => segment === null || segment === segments[i]),
  );
  return alt(
    found.toReversed().map(({ prefix, dst }) => {
      const residual = pathOfShown(segments.slice(prefix.length));
      return mapTree(dst, (target) => join(target, residual));
    }),
  );
}

test("the indexed lookup finds what reading every entry finds, in the same order", () => {
  fc.assert(
    fc.property(dtabs, dtabs, paths, (base, local, path) => {
      const both = concat(base, local);
      assert.deepEqual(lookup(both, path), slowLookup([...base, ...local], path));
    }),
    { numRuns: 500 },
  );
});

test("an error says what was expected, where, and quotes the place", () => {
  const parsed = parseDtab("/svc => /#/io.l5d.fs ;\n  /host -> /svc ;\n");
  assert.ok(!parsed.ok);
  assert.deepEqual(parsed.error, {
    message: "'=>' expected but '-' found at '  /host [-]> /svc ;' (line 2, column 9)",
    offset: 31,
    line: 2,
    column: 9,
  });
});

test("entries on lines of their own still need a semicolon, and the error says so", () => {
  const parsed = parseDtab("/a => /b\n/c => /d");
  assert.ok(!parsed.ok);
  assert.match(parsed.error.message, /^';', '\|', '&' or end of input expected but '\/' found/);
  assert.equal(parsed.error.line, 2);
});

const scraps = fc.constantFrom(
  ..."/ /a /* * => = > | & ; ( ) ~ ! $ # \n \r \t \\x20 \\x \\ 0.5* 1 . é \0".split(" "),
  " ",
);

test("whatever is read is read or refused, with a place in the text and one line", () => {
  fc.assert(
    fc.property(fc.array(scraps, { maxLength: 30 }), (pieces) => {
      const text = pieces.join("");
      const parsed = parseDtab(text);
      if (parsed.ok) return void dtab(showDtab(parsed.value));
      const { offset, line, message } = parsed.error;
      assert.ok(offset >= 0 && offset <= text.length);
      assert.equal(line, text.slice(0, offset).split("\n").length);
      assert.doesNotMatch(message, /[\0-\x1f]/);
    }),
    { numRuns: 2_000 },
  );
});

test("a dtab's prefix is stripped only when the dtab begins with it, to the last digit", () => {
  const table = dtab("/a => 0.123*/b & /c; /d => /e");
  assert.equal(showDtab(stripPrefix(table, dtab("/a => 0.123*/b & /c"))), "/d=>/e");
  assert.equal(stripPrefix(table, dtab("/a => 0.12*/b & /c")), table);
});

test("nothing is added to a dtab by an empty one", () => {
  const table = dtab("/a => /b");
  assert.equal(concat(table, emptyDtab), table);
  assert.equal(concat(emptyDtab, table), table);
});

test("a simplified dtab is equivalent to what it was made of", () => {
  fc.assert(
    fc.property(dtabs, (table) => {
      assert.ok(isEquivalent(table, simplifyDtab(table)));
      assert.ok(isSameDtab(table, dtab(showDtab(table))));
    }),
  );
});

test("a dtab of 143 KB is read, and a name looked up in it, without a noticeable pause", () => {
  const lines = Array.from(
    { length: 2_800 },
    (_, i) => `/svc/team-${i % 40}/service-${i} => /#/io.l5d.fs/service-${i} | $ ;`,
  );
  const text = lines.join("\n");
  assert.ok(text.length > 143_000);
  const startedMs = cpuMs();
  const table = dtab(text);
  const tree = lookup(table, pathLiteral("/svc/team-11/service-2771/x"));
  const tookMs = cpuMs() - startedMs;
  assert.equal(showTree(tree), "/#/io.l5d.fs/service-2771/x | $");
  assert.ok(tookMs < 250, `${tookMs} ms`); // some 15 ms on a quiet machine
});
