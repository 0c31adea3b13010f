// Responses of Consul that must not be taken at their word, from an agent made for the test.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { ask } from "../support/http-request.ts";
import { startProxy } from "../support/proxy.ts";
import { service } from "../support/service.ts";
import { until } from "../support/until.ts";

type Respond = (request: IncomingMessage, response: ServerResponse) => void;

/** An agent whose responses the test decides; blocking queries wait unless `respond` says otherwise. */
async function fakeAgent(t: TestContext, respond: Respond) {
  const agent = { respond, urls: [] as string[], port: 0 };
  const server = createServer((request, response) => {
    agent.urls.push(request.url ?? "");
    agent.respond(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  agent.port = (server.address() as AddressInfo).port;
  return agent;
}

const isBlocking = ({ url = "" }: IncomingMessage): boolean => url.includes("index=");

function instances(port: number, index: number, headers: Record<string, string> = {}): Respond {
  return (request, response) => {
    if (isBlocking(request)) return; // nothing changes
    response.writeHead(200, {
      "content-type": "application/json",
      "x-consul-index": String(index),
      ...headers,
    });
    response.end(port === 0 ? "[]" : JSON.stringify([{ Address: "127.0.0.1", ServicePort: port }]));
  };
}

const yaml = (agentPort: number, alternative = "") => `
  namers: [{ kind: io.l5d.consul, port: ${agentPort} }]
  routers:
  - protocol: http
    dtab: "${alternative} /svc => /#/io.l5d.consul/dc1 ;"
    servers: [{ port: 0 }]`;

test("a first response after 1.3 s is waited for when there is no alternative", async (t) => {
  const web = await service(t, "web");
  const agent = await fakeAgent(t, (request, response) => {
    if (!isBlocking(request)) setTimeout(() => instances(web.port, 7)(request, response), 1_300);
  });
  const proxy = await startProxy(t, yaml(agent.port));
  const { status, body } = await ask(proxy.port, "/", { Host: "web" });
  assert.deepEqual([status, body], [200, "web"]);
});

test("an alternative is used while the first response takes its time, and left for it", async (t) => {
  const [web, other] = [await service(t, "web"), await service(t, "other")];
  const agent = await fakeAgent(t, (request, response) => {
    if (!isBlocking(request)) setTimeout(() => instances(web.port, 7)(request, response), 2_000);
  });
  const proxy = await startProxy(t, yaml(agent.port, `/svc => /$/inet/127.1/${other.port} ;`));
  assert.equal((await ask(proxy.port, "/", { Host: "web" })).body, "other");
  await until(
    async () => (await ask(proxy.port, "/", { Host: "web" })).body === "web",
    (is) => is,
    "the late response counts",
  );
});

test("an empty list that ACLs have filtered takes nothing away", async (t) => {
  const web = await service(t, "web");
  const agent = await fakeAgent(t, instances(web.port, 7));
  const proxy = await startProxy(
    t,
    yaml(agent.port).replace("port: ", "resyncIntervalMs: 1000, port: "),
  );
  assert.equal((await ask(proxy.port, "/", { Host: "web" })).status, 200);
  agent.respond = instances(0, 7, { "x-consul-results-filtered-by-acls": "true" });
  // The watch blocks until its connection breaks.
  const before = agent.urls.length;
  await until(
    () => agent.urls.length,
    (count) => count > before,
    "Consul is asked again",
  );
  await until(
    async () => proxy.admin("/namer_state/io.l5d.consul.json"),
    (page) => page.includes("the token must allow it"),
    "the filtered response is seen",
  );
  assert.equal((await ask(proxy.port, "/", { Host: "web" })).status, 200);
});

test("service names are lower case as Consul's own language has it", async (t) => {
  const web = await service(t, "web");
  const agent = await fakeAgent(t, instances(web.port, 7));
  const proxy = await startProxy(t, yaml(agent.port, "/svc => /#/io.l5d.consul/dc1 ;"));
  const escaped = (name: string) =>
    Array.from(Buffer.from(name), (byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
  for (const name of ["\u0130stanbul", "\u039f\u03a3"]) {
    const dtab = `/svc => /#/io.l5d.consul/dc1/${escaped(name)}`;
    await ask(proxy.port, "/", { Host: "x", "l5d-dtab": dtab });
  }
  const names = agent.urls
    .filter((url) => !url.includes("index="))
    .map((url) => decodeURIComponent(url.split("/").at(-1)?.split("?")[0] ?? ""));
  assert.deepEqual(names, ["istanbul", "\u03bf\u03c3"]);
});

test("a dtab in Consul outlives a 404 and the failures after it", async (t) => {
  const web = await service(t, "web");
  let status = 200;
  let index = 10;
  let isWaiting: (() => void) | null = null;
  const agent = await fakeAgent(t, (request, response) => {
    const respond = () => {
      response.writeHead(status, { "x-consul-index": String(index) });
      response.end(status === 200 ? `/svc => /$/inet/127.1/${web.port}` : "");
    };
    if (isBlocking(request) && status === 200) isWaiting = respond;
    else respond();
  });
  const proxy = await startProxy(
    t,
    `
  routers:
  - protocol: http
    interpreter: { kind: io.l5d.consul.interpreter, port: ${agent.port} }
    servers: [{ port: 0 }]`,
  );
  const call = async () => (await ask(proxy.port, "/", { Host: "web" })).status;
  assert.equal(await call(), 200);
  await until(
    () => isWaiting !== null,
    (is) => is,
    "the watch blocks",
  );
  [status, index] = [404, 11];
  (isWaiting as (() => void) | null)?.();
  status = 500;
  await until(
    () => proxy.events.find(({ event }) => event === "consul lost a name"),
    (found) => found !== undefined,
    "the 404 has been seen",
  );
  await until(
    () => proxy.events.find(({ event }) => event === "consul does not respond"),
    (found) => found !== undefined,
    "Consul fails",
  );
  assert.equal(await call(), 200);
});
