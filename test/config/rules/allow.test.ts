import assert from "node:assert/strict";
import { test } from "node:test";
import { kinds } from "../../../src/plugins.ts";
import { checkConfig } from "../../support/check.ts";

const check = (server: string, router = "") =>
  checkConfig(
    `routers: [{ protocol: http, ${router} servers: [{ port: 4141, ${server} }] }]`,
    "test.yaml",
    kinds,
  );
const tls = "tls: { certPath: a, keyPath: b, caCertPath: c, requireClientAuth: true }";
const rule = "allow: [{ san: spiffe://example.com/web, paths: [/svc/users] }]";

const warningsOf = (...args: Parameters<typeof check>) => {
  const checked = check(...args);
  return checked.ok
    ? checked.warnings.filter((text) => !text.includes("no file"))
    : assert.fail(checked.problems.join("\n"));
};

test("allow needs callers with certificates of one's own CA", () => {
  assert.ok(check(`${tls}, ${rule}`).ok);
  for (const without of ["", "tls: { certPath: a, keyPath: b }, "]) {
    const checked = check(`${without}${rule}`);
    assert.ok(!checked.ok);
    assert.match(checked.problems.join("\n"), /servers\[0\]\.allow: callers are known by their/);
  }
});

test("patterns, empty lists and unknown keys are reported with their places", () => {
  for (const [wrong, words] of [
    ["allow: []", /permit nobody/],
    ["allow: [{ san: x, paths: [] }]", /without paths, all are permitted/],
    ["allow: [{ san: 'a b' }]", /printable characters/],
    ["allow: [{ san: x, path: [/svc] }]", /did you mean paths/],
    ["allow: [{ paths: [/svc] }]", /san/],
    ["allow: [{ san: x, paths: [svc] }]", /'\/' expected/],
  ] as const) {
    const checked = check(`${tls}, ${wrong}`);
    assert.ok(!checked.ok, wrong);
    assert.match(checked.problems.join("\n"), words);
  }
});

test("paths that no name has, and dtabs that lead around the rules, are warnings", () => {
  assert.deepEqual(warningsOf(`${tls}, ${rule}`), []);
  const [path] = warningsOf(`${tls}, allow: [{ san: x, paths: [/srv/users] }]`);
  assert.match(path ?? "", /no name of this router begins so: they begin with \/svc/);
  assert.deepEqual(warningsOf(`${tls}, allow: [{ san: x, paths: [/*/users, /] }]`), []);
  const [dtab] = warningsOf(`${tls}, ${rule}`, "callerDtab: names,");
  assert.match(dtab ?? "", /a dtab that leads a name which allow permits/);
});
