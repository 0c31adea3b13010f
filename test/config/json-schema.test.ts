import assert from "node:assert/strict";
import { test } from "node:test";
import { jsonSchema } from "../../src/config/json-schema.ts";
import { kinds } from "./kinds.ts";
import { kinds as realKinds } from "./real-kinds.ts";

const properties = (of: Record<string, unknown>) =>
  (of["properties"] ?? {}) as Record<string, Record<string, unknown>>;

/** One sub-schema: follows keys, array items and the alternative whose `key` is `value`. */
function at(schema: unknown, ...steps: readonly string[]): Record<string, unknown> {
  let current = schema as Record<string, unknown>;
  for (const step of steps) {
    const [key = "", value] = step.split("=");
    const options = (current["oneOf"] ?? current["anyOf"] ?? []) as Record<string, unknown>[];
    const next =
      value !== undefined
        ? options.find((option) => properties(option)[key]?.["const"] === value)
        : step === "[]"
          ? current["items"]
          : properties(current)[step];
    assert.ok(next !== undefined, `${step} of ${steps.join(" ")}`);
    current = next as Record<string, unknown>;
  }
  return current;
}

test("the JSON Schema has keys, types, defaults and meanings, paths and dtabs as text", async () => {
  const schema = await jsonSchema(kinds);
  assert.equal(schema["$schema"], "http://json-schema.org/draft-07/schema#");
  assert.deepEqual(schema["required"], [], "a name server needs no routers, nor does a fleet");
  assert.equal(schema["additionalProperties"], false);
  const port = at(schema, "admin", "port");
  assert.deepEqual([port["type"], port["default"], port["maximum"]], ["integer", 9990, 65_535]);
  const router = at(schema, "routers", "[]", "protocol=http");
  assert.deepEqual(router["required"], ["protocol", "servers"]);
  assert.equal(at(router, "dtab")["type"], "string");
  assert.equal(at(router, "dstPrefix")["default"], "/svc");
  assert.equal(at(router, "baseDtab")["deprecated"], true);
  assert.match(String(at(router, "bindingTimeoutMs")["description"]), /^How long a call may wait/);
  const ewma = at(router, "client", "loadBalancer", "kind=ewma");
  assert.equal(at(ewma, "decayTimeMs")["default"], 10_000);
  assert.equal(at(schema, "namers", "[]", "kind=io.l5d.fs", "prefix")["default"], "/io.l5d.fs");
});

test("every key of the fixed sections says what it means", async () => {
  const without: string[] = [];
  const visit = (schema: Record<string, unknown>, where: string) => {
    for (const [key, inner] of Object.entries((schema["properties"] ?? {}) as object)) {
      if (inner.description === undefined) without.push(`${where}.${key}`);
      visit(inner, `${where}.${key}`);
    }
  };
  const schema = await jsonSchema({ ...kinds, namers: [], telemeters: [] });
  visit(schema, "");
  const router = at(schema, "routers", "[]", "protocol=echo");
  for (const section of ["service", "client"]) visit(at(router, section), section);
  visit(at(router, "servers", "[]"), "servers");
  const ownKeys = new Set(["service.quietly", "client.retryBufferKB"]);
  assert.deepEqual(
    without.filter((key) => !ownKeys.has(key)),
    [],
  );
});

test("every key of every balancer and accrual says what it means", async () => {
  const schema = await jsonSchema(realKinds);
  const client = at(schema, "routers", "[]", "protocol=http", "client");
  let keys = 0;
  for (const [section, kindNames] of Object.entries({
    loadBalancer: realKinds.balancers.map(({ kind }) => kind),
    failureAccrual: realKinds.accruals.map(({ kind }) => kind),
  })) {
    for (const kind of kindNames) {
      const { properties = {} } = at(client, section, `kind=${kind}`);
      for (const [key, inner] of Object.entries(
        properties as Record<string, { description?: string }>,
      )) {
        if (key !== "kind") assert.ok(inner.description, `${kind}.${key}`);
        keys++;
      }
    }
  }
  assert.ok(keys > 10, `${keys} keys`);
});
