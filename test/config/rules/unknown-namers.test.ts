// A dtab entry that leads to a namer which the file does not have gets a warning, because every call would fail.
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkConfig } from "../../support/check.ts";
import { kinds } from "../../../src/plugins.ts";

function warningsOf(dtab: string, namers = ""): readonly string[] {
  const text = `${namers}
routers:
- protocol: http
  servers: [{}]
  dtab: ${dtab}
`;
  const checked = checkConfig(text, "test.yaml", kinds);
  return checked.ok ? checked.warnings : assert.fail(checked.problems.join("\n"));
}

const fs = "namers: [{ kind: io.l5d.fs, rootDir: test }]";

test("a file without namers gets a warning that names the one its dtab needs", () => {
  assert.deepEqual(warningsOf("/svc => /#/io.l5d.consul/dc1"), [
    "test.yaml:5:9 routers[0].dtab: /svc=>/#/io.l5d.consul/dc1 leads nowhere: no namers are configured; add one for /#/io.l5d.consul/dc1 to namers, or change the entry",
  ]);
});

test("one warning names the first of them, and the namers that are there", () => {
  const dtab = "/svc => /#/io.l5d.fs | /#/fs ; /a => 1 * /#/consul & 2 * /$/inet/127.1/80";
  assert.deepEqual(warningsOf(dtab, fs), [
    "test.yaml:5:9 routers[0].dtab: /svc=>/#/io.l5d.fs | /#/fs leads nowhere (and 1 more): of the namers here, /#/io.l5d.fs, none fits; add one for /#/fs to namers, or change the entry",
  ]);
});

for (const [what, dtab, namers] of [
  ["a namer by its default prefix", "/svc => /#/io.l5d.fs/a", fs],
  ["a prefix of its own", "/svc => /#/x/y/z", fs.replace("rootDir", "prefix: /x/y, rootDir")],
  ["the begin of a namer's prefix: the rest comes with the name", "/svc => /#", fs],
  ["an entry of the same dtab", "/#/consul => /$/inet/127.1/80 ; /svc => /#/consul/x", ""],
  ["an entry with a wildcard", "/#/* => /$/inet/127.1/80 ; /svc => /#/consul/x", ""],
  ["what is built in", "/svc => /$/inet/127.1/80 | ! | ~ | $ | /other", ""],
] as const) {
  test(`not warned of: ${what}`, () => {
    assert.deepEqual(warningsOf(dtab, namers), []);
  });
}
