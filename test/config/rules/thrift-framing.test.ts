// Thrift without lengths where what is spoken always has them: one of the two keys is a mistake.
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkConfig } from "../../support/check.ts";
import { kinds } from "../../../src/plugins.ts";

function problemsOf(text: string): readonly string[] {
  const checked = checkConfig(text, "test.yaml", kinds);
  return checked.ok ? [] : checked.problems;
}

const why = "where every message has its length: delete one of the two keys";

test("THeader excludes buffered servers and clients", () => {
  const problems = problemsOf(`
routers:
- protocol: thrift
  thriftTransport: header
  servers:
  - { port: 1 }
  - { port: 2, thriftFramed: false }
  client:
    kind: io.l5d.static
    configs:
    - { prefix: /, thriftFramed: false }
`);
  const excluded = `false excludes thriftTransport: header, ${why}`;
  assert.deepEqual(problems, [
    `test.yaml:7:30 routers[0].servers[1].thriftFramed: ${excluded}`,
    `test.yaml:11:34 routers[0].client.configs[0].thriftFramed: ${excluded}`,
  ]);
});

test("ThriftMux towards endpoints excludes buffered ones", () => {
  const problems = problemsOf(`
routers:
- protocol: thriftmux
  servers: [{}]
  client: { thriftMux: true, thriftFramed: false }
`);
  const excluded = `false excludes thriftMux: true, ${why}`;
  assert.deepEqual(problems, [`test.yaml:5:44 routers[0].client.thriftFramed: ${excluded}`]);
});

test("buffered callers may be in front of framed endpoints", () => {
  const text = "routers: [{ protocol: thrift, servers: [{ thriftFramed: false }], client: {} }]";
  assert.deepEqual(problemsOf(text), []);
});
