// No token reaches a log or an error page by way of an agent's error text.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { consulClient } from "../../../src/naming/consul/client.ts";
import type { Outcome } from "../../../src/naming/consul/api.ts";

const token = "my own token";
const uuid = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0";

test("tokens in the body of a Consul error are left out", async (t) => {
  const body = `ACL not found for ${token}\n(SecretID ${uuid}); X-Consul-Token: other; try again`;
  const agent = createServer((_, response) => void response.writeHead(403).end(body));
  agent.listen(0, "127.0.0.1");
  await once(agent, "listening");
  const { port } = agent.address() as AddressInfo;
  const client = consulClient({ host: "127.0.0.1", port, token, tls: null });
  t.after(() => {
    client.close();
    agent.close();
  });
  const query = { kind: "key", key: "dtab", datacenter: null, consistency: "default" } as const;
  const outcome = await new Promise<Outcome>((resolve) => {
    client.query(query, null, 5_000, resolve);
  });
  assert.equal(outcome.kind, "error");
  assert.equal(
    "problem" in outcome && outcome.problem,
    "Consul responded with 403: ACL not found for <token> (SecretID <token>); " +
      "X-Consul-Token: <token>; try again (the token must allow it: see `token`)",
  );
});
