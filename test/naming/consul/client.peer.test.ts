// The client against agents that misbehave, and against a real one behind TLS and ACLs.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { consulClient } from "../../../src/naming/consul/client.ts";
import type { Client, Outcome, Query } from "../../../src/naming/consul/api.ts";
import { deadPort } from "../../support/service.ts";
import { consulAgent } from "../../support/consul.ts";
import { testFolder } from "../../support/folder.ts";
import { hasPeer } from "../../support/peers.ts";
import { freePorts } from "../../../demo/ports.ts";
import { openNamer, stateOf } from "./support.ts";

const query: Query = {
  kind: "catalog",
  service: "web",
  tag: null,
  datacenter: null,
  consistency: "default",
  isPassingOnly: false,
};

interface FakeAgent {
  readonly client: Client;
  readonly sockets: Socket[];
}

async function fakeAgent(t: TestContext, answer: RequestListener): Promise<FakeAgent> {
  const sockets: Socket[] = [];
  const server = createServer(answer);
  server.on("connection", (socket) => sockets.push(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { client: clientTo(t, port), sockets };
}

function clientTo(t: TestContext, port: number, host = "127.0.0.1"): Client {
  const client = consulClient({ host, port, token: null, tls: null });
  t.after(() => client.close());
  return client;
}

function outcome(client: Client, timeoutMs = 5_000): Promise<Outcome> {
  return new Promise((resolve) => client.query(query, null, timeoutMs, resolve));
}

async function problem(client: Client, timeoutMs?: number): Promise<string> {
  const found = await outcome(client, timeoutMs);
  assert.equal(found.kind, "error");
  return found.kind === "error" ? found.problem : "";
}

test("a response gives its body and its index", async (t) => {
  let index = "17";
  const { client } = await fakeAgent(t, (_, response) => {
    response.writeHead(200, { "content-type": "application/json", "x-consul-index": index });
    response.end("[1]");
  });
  assert.deepEqual(await outcome(client), { kind: "response", index: 17, body: [1] });
  for (index of ["", "x", "-1", "1e3", "99999999999999999999"]) {
    assert.deepEqual(await outcome(client), { kind: "response", index: null, body: [1] });
  }
});

test("a blocking query carries index and wait, a quick one neither", async (t) => {
  const sent: string[] = [];
  const { client } = await fakeAgent(t, (request, response) => {
    sent.push(request.url ?? "");
    response.end("[]");
  });
  await outcome(client);
  await new Promise((resolve) => client.query(query, { index: 5, waitMs: 2_000 }, 9_000, resolve));
  assert.deepEqual(sent, [
    "/v1/catalog/service/web",
    "/v1/catalog/service/web?index=5&wait=2000ms",
  ]);
});

test("a response cut off in the middle is an error, not an endless wait", async (t) => {
  const { client } = await fakeAgent(t, (_, response) => {
    response.writeHead(200, { "content-type": "application/json", "content-length": "100" });
    response.write("[1,", () => response.destroy());
  });
  assert.match(await problem(client), /closed in the middle of the response/);
});

test("a response that is not JSON, or not 200, is an error that quotes it", async (t) => {
  let status = 200;
  let body = "<html>";
  const { client } = await fakeAgent(t, (_, response) => {
    response.writeHead(status, {
      "content-type": status === 200 ? "application/json" : "text/plain",
    });
    response.end(body);
  });
  assert.match(await problem(client), /JSON|Unexpected token/);
  [status, body] = [500, "No path to datacenter"];
  assert.equal(await problem(client), "Consul responded with 500: No path to datacenter");
  [status, body] = [403, "Permission denied"];
  assert.match(
    await problem(client),
    /responded with 403: Permission denied \(the token must allow it/,
  );
  [status, body] = [404, ""];
  assert.equal((await outcome(client)).kind, "missing");
});

test("a list of services that is not a map is an error, not a crash", async (t) => {
  let body = "null";
  const { client } = await fakeAgent(t, (_, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(body);
  });
  assert.deepEqual(await client.knows("web-1"), {
    kind: "error",
    problem: "expected a map of services, got null",
  });
  body = "{}";
  assert.equal((await client.knows("web-1")).kind, "missing");
});

test("no response in time is an error, and the connection is closed", async (t) => {
  const { client, sockets } = await fakeAgent(t, () => {});
  assert.match(await problem(client, 50), /timed out/);
  const [socket] = sockets;
  assert.ok(socket !== undefined);
  if (!socket.destroyed) await once(socket, "close");
});

test("closing a query closes its connection, and its callback is not called", async (t) => {
  let arrived = () => {};
  const isHere = new Promise<void>((resolve) => (arrived = resolve));
  const { client, sockets } = await fakeAgent(t, () => arrived());
  const close = client.query(query, null, 5_000, () => assert.fail("called after it was closed"));
  await isHere;
  close();
  close();
  const [socket] = sockets;
  assert.ok(socket !== undefined);
  if (!socket.destroyed) await once(socket, "close");
});

test("a query closed before the package is loaded sends nothing", async (t) => {
  let count = 0;
  const { client } = await fakeAgent(t, (_, response) => {
    count += 1;
    response.end("[]");
  });
  client.query(query, null, 5_000, () => assert.fail())();
  await outcome(client);
  assert.equal(count, 1);
});

test("a refused connection is reported with its address", async (t) => {
  const port = await deadPort();
  assert.match(await problem(clientTo(t, port)), new RegExp(`ECONNREFUSED 127.0.0.1:${port}`));
  // Of both addresses that the name may have.
  assert.match(await problem(clientTo(t, port, "localhost")), /ECONNREFUSED 127.0.0.1/);
});

test("the namer talks TLS to a real agent, with certificates on both sides", async (t) => {
  if (!hasPeer(t, "consul")) return;
  const folder = testFolder(t).path;
  const consul = (...args: string[]) => {
    const { status, stderr } = spawnSync("consul", args, { cwd: folder, encoding: "utf8" });
    assert.equal(status, 0, stderr);
  };
  consul("tls", "ca", "create");
  consul("tls", "cert", "create", "-server", "-additional-ipaddress", "127.0.0.1");
  consul("tls", "cert", "create", "-client");
  const file = (name: string) => join(folder, name);
  const [https = 0] = await freePorts(1);
  const ca = file("consul-agent-ca.pem");
  const hcl = `ports { https = ${https} } verify_incoming_https = true ca_file = "${ca}"
    cert_file = "${file("dc1-server-consul-0.pem")}" key_file = "${file("dc1-server-consul-0-key.pem")}"`;
  const agent = await consulAgent(t, { arguments: ["-hcl", hcl] });
  await agent.register("web", 1);
  const clientAuth = {
    certPath: file("dc1-client-consul-0.pem"),
    keyPath: file("dc1-client-consul-0-key.pem"),
  };
  const trust = { trustCerts: [ca] };
  const at = { host: "127.0.0.1", port: https };
  const good = [
    { ...trust, clientAuth },
    { ...trust, clientAuth, commonName: "server.dc1.consul" },
    { trustCertsBundle: ca, clientAuth, protocols: ["TLSv1.2"] },
    { disableValidation: true, clientAuth },
  ];
  for (const tls of good) {
    await openNamer(t, { ...at, tls })
      .watch("/dc1/web")
      .is("127.0.0.1:1");
  }
  const bad = [
    [{ clientAuth }, /self.signed|unable to (?:get|verify)/i],
    [trust, /alert|certificate|closed|hang up/i],
    [{ ...trust, clientAuth, commonName: "other.name" }, /altnames|other\.name/i],
    [{ enabled: false }, /400|HTTP request to an HTTPS/],
  ] as const;
  for (const [tls, why] of bad) {
    const { namer, watch } = openNamer(t, { ...at, tls });
    await watch("/dc1/web").is("soft");
    assert.match(String(stateOf(namer, "/dc1/web").poll.error), why);
  }
});

test("a token opens what the agent's ACLs close", async (t) => {
  if (!hasPeer(t, "consul")) return;
  const token = "5f1a1c3e-2b1c-4a57-a9d6-4b0f4a2f3a52";
  const hcl = `acl { enabled = true default_policy = "deny" tokens { master = "${token}" agent = "${token}" } }`;
  const agent = await consulAgent(t, { arguments: ["-hcl", hcl], token });
  const { host, port } = agent;
  await agent.register("web", 1);
  await openNamer(t, { host, port, token }).watch("/dc1/web").is("127.0.0.1:1");
  await openNamer(t, { host, port }).watch("/dc1/web").is("neg");
});
