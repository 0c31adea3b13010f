import assert from "node:assert/strict";
import { test } from "node:test";
import { checkConfig } from "../../support/check.ts";
import type { Config } from "../../../src/config/config.ts";
import { kinds } from "../../../src/plugins.ts";

function checked(server: string, callerDtab?: string) {
  const text = `
routers:
- protocol: http
  servers: [${server}]
${callerDtab === undefined ? "" : `  callerDtab: ${callerDtab}\n`}`;
  const result = checkConfig(text, "test.yaml", kinds);
  return result.ok ? result : assert.fail(result.problems.join("\n"));
}

const ruleOf = ({ routers }: Config) => routers[0]?.servers[0]?.callerDtab;

test("servers on loopback accept all dtabs of callers, others only names", () => {
  for (const ip of ["127.0.0.1", "127.1.2.3", "::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1"]) {
    const { config, warnings } = checked(`{ ip: "${ip}" }`);
    assert.deepEqual(ruleOf(config), { mode: "all", allow: [] }, ip);
    assert.deepEqual(warnings, []);
  }
  for (const ip of ["0.0.0.0", "::", "10.0.0.1", "1.127.0.0", "::2"]) {
    const { config, warnings } = checked(`{ ip: "${ip}" }`);
    assert.deepEqual(ruleOf(config), { mode: "names", allow: [] }, ip);
    assert.deepEqual(warnings, []);
  }
});

test("a mode stands alone or in a map, which may leave it to the server's default", () => {
  assert.equal(ruleOf(checked("{}", "none").config)?.mode, "none");
  const allow = "{ allow: [/#/io.l5d.fs/staging] }";
  assert.deepEqual(ruleOf(checked("{ ip: 0.0.0.0 }", allow).config), {
    mode: "names",
    allow: ["/#/io.l5d.fs/staging"],
  });
  const bad = checkConfig(
    "routers: [{ protocol: http, servers: [{}], callerDtab: { mode: some, alow: [] } }]",
    "test.yaml",
    kinds,
  );
  assert.ok(!bad.ok);
  assert.match(bad.problems.join("\n"), /callerDtab\.mode: expected all, names or none/);
  assert.match(bad.problems.join("\n"), /callerDtab\.alow: unknown key: did you mean allow\?/);
});

test("a server that is open to the network and accepts all dtabs is a warning", () => {
  for (const all of ["all", "{ mode: all }", "{ allow: [/] }", "{ allow: [/svc, /$] }"]) {
    const { warnings } = checked("{ ip: 0.0.0.0 }", all);
    assert.equal(warnings.length, 1, all);
    assert.match(
      warnings[0] ?? "",
      /^test\.yaml:5:15 routers\[0\]\.callerDtab: whoever reaches .* on 0\.0\.0\.0 may send a dtab/,
    );
  }
  assert.deepEqual(checked("{}", "all").warnings, []);
  assert.deepEqual(checked("{ ip: 0.0.0.0, clearContext: true }", "all").warnings, []);
  assert.deepEqual(checked("{ ip: 0.0.0.0 }", "{ allow: [/#/io.l5d.fs] }").warnings, []);
});
