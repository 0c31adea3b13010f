import assert from "node:assert/strict";
import { test } from "node:test";
import { kinds } from "../../../src/plugins.ts";
import { checkConfig } from "../../support/check.ts";

const check = (server: string, client = "") =>
  checkConfig(
    `routers: [{ protocol: mux, servers: [{ ${server} }], client: { ${client} } }]`,
    "test.yaml",
    kinds,
  );

test("opportunisticTls that offers TLS needs tls", () => {
  const tls = "tls: { certPath: a, keyPath: b }";
  assert.ok(check(`opportunisticTls: desired, ${tls}`).ok);
  assert.ok(check("opportunisticTls: off").ok);
  for (const [server, client] of [
    ["opportunisticTls: desired", ""],
    ["", "opportunisticTls: required"],
    ["", "opportunisticTls: required, tls: { enabled: false }"],
  ] as const) {
    const checked = check(server, client);
    assert.ok(!checked.ok);
    assert.match(checked.problems.join("\n"), /opportunisticTls: offers TLS, and there is no tls/);
  }
});
