// Settings by prefix: what holds for a name, and which entry said so.
import assert from "node:assert/strict";
import { test } from "node:test";
import { pathLiteral } from "../../src/core/names/path.ts";
import { checkConfig } from "../support/check.ts";
import type { RouterConfig } from "../../src/config/config.ts";
import { kinds as realKinds } from "../../src/plugins.ts";
import { kinds } from "./kinds.ts";

function routerWith(sections: string): { router: RouterConfig; warnings: readonly string[] } {
  const text = `routers:\n- protocol: http\n  servers: [{}]\n${sections.replaceAll(/^/gm, "  ")}`;
  const checked = checkConfig(text, "test.yaml", kinds);
  if (!checked.ok) assert.fail(checked.problems.join("\n"));
  const [router] = checked.config.routers;
  assert.ok(router !== undefined);
  return { router, warnings: checked.warnings };
}

const byPrefix = `service:
  kind: io.l5d.static
  configs:
  - prefix: /
    totalTimeoutMs: 1000
    retries: { maxAttempts: 5, budget: { ttlSecs: 3 } }
  - prefix: /svc/*/{what}-api
    retries: { maxAttempts: 2 }
  - prefix: /svc/users
    totalTimeoutMs: 0
  - prefix: /svc/users
    totalTimeoutMs: 300
`;

test("all entries that fit are merged in the order of the file, the later ones win", () => {
  const { router } = routerWith(byPrefix);
  const of = (path: string) => router.service.of(pathLiteral(path));
  assert.equal(of("/svc/users").totalTimeoutMs, 300);
  assert.equal(of("/svc/orders").totalTimeoutMs, 1_000);
  assert.equal(of("/svc/users").retries.maxAttempts, 5);
});

test("a key is replaced as a whole: what its entry leaves out is the default, not an earlier entry's", () => {
  const { router } = routerWith(byPrefix);
  const { retries } = router.service.of(pathLiteral("/svc/dc1/users-api"));
  assert.equal(retries.maxAttempts, 2);
  assert.equal(retries.budget.ttlSecs, 10);
});

test("names may go on behind a prefix, and must not end before it does", () => {
  const { router } = routerWith(byPrefix);
  const of = (path: string) => router.service.of(pathLiteral(path)).retries.maxAttempts;
  assert.equal(of("/svc/dc1/users-api/v2"), 2);
  assert.equal(of("/svc/dc1"), 5);
  assert.equal(of("/svc"), 5);
});

test("an entry that fits nothing leaves every default", () => {
  const { router } = routerWith(`client:
  kind: io.l5d.static
  configs:
  - prefix: /#/io.l5d.fs/users
    failureAccrual: { kind: none }
`);
  const { client } = router;
  assert.equal(client.of(pathLiteral("/#/io.l5d.fs/users")).failureAccrual.kind, "none");
  const other = client.of(pathLiteral("/#/io.l5d.fs/orders"));
  assert.equal(other.failureAccrual.kind, "io.l5d.consecutiveFailures");
  assert.equal(other.requestAttemptTimeoutMs, Infinity);
});

test("says of each key which entry gave it", () => {
  const { router } = routerWith(byPrefix);
  const settings = router.service.settings(pathLiteral("/svc/users"));
  const from = new Map(settings.map(({ key, from: entry }) => [key, entry]));
  assert.deepEqual(from.get("totalTimeoutMs"), { entry: "configs[3]", prefix: "/svc/users" });
  assert.deepEqual(from.get("retries"), { entry: "configs[0]", prefix: "/" });
  assert.equal(from.get("responseClassifier"), null);
  const values = new Map(settings.map(({ key, value }) => [key, value]));
  assert.equal(values.get("totalTimeoutMs"), 300);
  assert.deepEqual(values.get("responseClassifier"), { kind: "io.l5d.http.nonRetryable5XX" });
});

test("a section without prefixes gives what is written in it, and the rest are defaults", () => {
  const { router } = routerWith("service: { totalTimeoutMs: 5, retries: }");
  const settings = router.service.settings(pathLiteral("/svc/users"));
  const written = settings.filter(({ from }) => from !== null);
  assert.deepEqual(written, [
    { key: "totalTimeoutMs", value: 5, from: { entry: "", prefix: "/" } },
  ]);
});

test("a client prefix that looks like a name is warned of: it fits no client", () => {
  const { warnings } = routerWith(`client:
  kind: io.l5d.static
  configs:
  - prefix: /svc/users
  - prefix: /#/io.l5d.fs
  - prefix: /
  - prefix: /$/inet
`);
  assert.deepEqual(warnings, [
    "test.yaml:7:15 routers[0].client.configs[0].prefix: /svc/users matches no client: ids of clients begin with /#, /$ or /%, such as /#/io.l5d.fs/users",
  ]);
});

/** What is warned of in a router of that protocol. */
function warningsOf(protocol: string, lines: readonly string[]): readonly string[] {
  const text = ["routers:", `- protocol: ${protocol}`, "  servers: [{}]"];
  const checked = checkConfig([...text, ...lines].join("\n"), "test.yaml", realKinds);
  return checked.ok ? checked.warnings : assert.fail(checked.problems.join("\n"));
}

for (const protocol of ["mux", "thrift", "thriftmux"]) {
  test(`a hedge of ${protocol} is warned of when no call is said to be idempotent`, () => {
    const hedge = "  client: { hedge: {} }";
    const idle =
      "has no effect: no call is known to be idempotent, so none is sent twice; declare idempotent calls with idempotent in service";
    assert.deepEqual(warningsOf(protocol, [hedge]), [
      `test.yaml:4:13 routers[0].client.hedge: ${idle}`,
    ]);
    const ofOne = "kind: io.l5d.static, configs: [{ prefix: /svc/a, idempotent: true }]";
    assert.deepEqual(warningsOf(protocol, [hedge, `  service: { ${ofOne} }`]), []);
  });
}

test("a hedge of http is not warned of: methods say which calls are idempotent", () => {
  assert.deepEqual(warningsOf("http", ["  client: { hedge: {} }"]), []);
});

test("idempotent methods of Thrift are a list of names", () => {
  const check = (idempotent: string) => {
    const text = `routers:\n- protocol: thrift\n  servers: [{}]\n  service: { idempotent: ${idempotent} }`;
    const checked = checkConfig(text, "test.yaml", realKinds);
    return checked.ok ? [] : checked.problems;
  };
  assert.deepEqual(check("[get, 'Calc:add']"), []);
  assert.match(String(check("sometimes")), /idempotent: expected true, false or a list of methods/);
  assert.match(String(check("[]")), /idempotent: expected at least one entry/);
  assert.match(String(check("[{}]")), /idempotent: expected true, false or a list of methods/);
});
