// Marathon's namer against its documented answers: no real server can be had.
import assert from "node:assert/strict";
import { createVerify, generateKeyPairSync } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { ask } from "../../support/http-request.ts";
import { startProxy } from "../../support/proxy.ts";
import { service } from "../../support/service.ts";
import { until } from "../../support/until.ts";

/** Apps by id, as `/v2/apps/<id>?embed=app.tasks` gives them. */
type Apps = Record<string, object>;

async function world(
  t: TestContext,
  apps: Apps,
  more = "",
  check?: (request: IncomingMessage) => boolean,
) {
  const state = { apps, isAway: false };
  const marathon = await service(t, (request: IncomingMessage, response: ServerResponse) => {
    if (state.isAway) return response.destroy();
    if (check !== undefined && !check(request)) return response.writeHead(401).end("who are you?");
    const [path = ""] = (request.url ?? "").split("?");
    if (path === "/v2/apps") {
      const list = Object.keys(state.apps).map((id) => ({ id }));
      return response.end(JSON.stringify({ apps: list }));
    }
    const app = state.apps[path.slice("/v2/apps".length)];
    if (app === undefined) return response.writeHead(404).end('{"message":"App does not exist"}');
    return response.end(JSON.stringify({ app }));
  });
  const proxy = await startProxy(
    t,
    `
    namers:
    - kind: io.l5d.marathon
      host: 127.0.0.1
      port: ${marathon.port}
      ttlMs: 20
      jitterMs: 0
      ${more}
    routers:
    - protocol: http
      dtab: /svc => /#/io.l5d.marathon ;
      servers: [{ port: 0 }]
    `,
  );
  const call = (host: string) => ask(proxy.port, "/", { Host: host });
  return { state, call, proxy };
}

const tasksAt = (...ports: readonly number[]) => ({
  tasks: ports.map((port) => ({ host: "127.0.0.1", ports: [port, 1], state: "TASK_RUNNING" })),
});

test("the tasks of an app get the calls of its name, and what it loses gets none", async (t) => {
  const web = await service(t, "web");
  const { state, call } = await world(t, { "/web": tasksAt(web.port) });
  assert.equal((await call("web")).body, "web");
  state.apps = {};
  const gone = await until(
    () => call("web"),
    ({ status }) => status === 502,
    "the app is gone",
  );
  assert.match(gone.body, /no such name/);
});

test("while Marathon is away, its last answer stays", async (t) => {
  const web = await service(t, "web");
  const { state, call, proxy } = await world(t, { "/web": tasksAt(web.port) });
  await call("web");
  state.isAway = true;
  await until(
    () => proxy.events.some(({ event }) => event === "discovery does not respond"),
    Boolean,
    "the outage is logged",
  );
  assert.equal((await call("web")).body, "web");
});

test("an app with more tasks than any has is refused with the reason", async (t) => {
  const { call } = await world(t, { "/web": tasksAt(...Array<number>(20_001).fill(80)) });
  const { status, body } = await call("web");
  assert.equal(status, 502);
  assert.match(body, /the app has more than 20000 tasks/);
});

test("Marathon that cannot be asked from the start is named in the error", async (t) => {
  const { state, call } = await world(t, {});
  state.isAway = true;
  assert.match((await call("web")).body, /Marathon at 127.0.0.1:\d+/);
});

test("the shortest id that the name begins with is the app; ids have lower case", async (t) => {
  const web = await service(t, "group/web");
  const { proxy } = await world(t, { "/Group/Web": tasksAt(web.port), "/group/web/inner": {} });
  const page = await proxy.admin(
    "/delegator.json?path=/%23/io.l5d.marathon/group/web/inner&namespace=http",
  );
  // The id of the app keeps its case on the wire only.
  assert.match(page, /"id":"\/#\/io.l5d.marathon\/group\/web","path":"\/inner"|neg/);
});

test("an app with a discovery port has addresses of its own", async (t) => {
  const web = await service(t, "own address");
  const app = {
    ipAddress: { discovery: { ports: [{ name: "http", number: web.port }] } },
    tasks: [{ host: "other.example", ports: [1], ipAddresses: [{ ipAddress: "127.0.0.1" }] }],
  };
  const { call } = await world(t, { "/web": app });
  assert.equal((await call("web")).body, "own address");
});

test("with useHealthCheck a task counts that runs and passes all checks of its app", async (t) => {
  const good = await service(t, "good");
  const bad = await service(t, "bad");
  const at = (port: number, state: string, alive: boolean) => ({
    host: "127.0.0.1",
    ports: [port],
    state,
    healthCheckResults: [{ alive }],
  });
  const app = {
    healthChecks: [{}],
    tasks: [
      at(good.port, "TASK_RUNNING", true),
      at(bad.port, "TASK_RUNNING", false),
      at(bad.port, "TASK_STAGING", true),
    ],
  };
  const { call } = await world(t, { "/web": app }, "useHealthCheck: true");
  for (let i = 0; i < 10; i++) assert.equal((await call("web")).body, "good");
});

test("a token of the environment is sent", async (t) => {
  process.env["MARATHON_HTTP_AUTH_CREDENTIAL"] = "secret";
  t.after(() => delete process.env["MARATHON_HTTP_AUTH_CREDENTIAL"]);
  const web = await service(t, "web");
  const { call } = await world(
    t,
    { "/web": tasksAt(web.port) },
    "",
    ({ headers }) => headers.authorization === "Basic secret",
  );
  assert.equal((await call("web")).body, "web");
});

test("an account of DC/OS logs in with a signed token, again when it has expired", async (t) => {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  let logins = 0;
  const login = await service(t, (request, response) => {
    let body = "";
    request.on("data", (chunk) => (body += String(chunk)));
    request.on("end", () => {
      const { uid, token } = JSON.parse(body) as { uid: string; token: string };
      const [head, claims, signature = ""] = token.split(".");
      const verify = createVerify("RSA-SHA256").update(`${head}.${claims}`);
      const isGood = uid === "me" && verify.verify(publicKey, signature, "base64url");
      logins += 1;
      if (isGood) response.end(JSON.stringify({ token: `t${logins}` }));
      else response.writeHead(401).end();
    });
  });
  const web = await service(t, "web");
  // Marathon and the login are one address in DC/OS.
  const both = await service(t, (request, response) => {
    if (request.url?.startsWith("/acs/") === true) {
      void fetchText(login.port, request).then((text) => response.end(text));
      return response;
    }
    if (request.headers.authorization !== "token=t2") return response.writeHead(401).end();
    const [path = ""] = (request.url ?? "").split("?");
    const answer = path === "/v2/apps" ? { apps: [{ id: "/web" }] } : { app: tasksAt(web.port) };
    return response.end(JSON.stringify(answer));
  });
  process.env["DCOS_SERVICE_ACCOUNT_CREDENTIAL"] = JSON.stringify({
    login_endpoint: "https://leader.mesos/acs/api/v1/auth/login",
    private_key: privateKey.export({ type: "pkcs8", format: "pem" }),
    scheme: "RS256",
    uid: "me",
  });
  t.after(() => delete process.env["DCOS_SERVICE_ACCOUNT_CREDENTIAL"]);
  const proxy = await startProxy(
    t,
    `
    namers: [{ kind: io.l5d.marathon, dst: /$/inet/127.0.0.1/${both.port}, ttlMs: 20, jitterMs: 0 }]
    routers:
    - protocol: http
      dtab: /svc => /#/io.l5d.marathon ;
      servers: [{ port: 0 }]
    `,
  );
  const { body } = await until(
    () => ask(proxy.port, "/", { Host: "web" }),
    ({ status }) => status === 200,
    "the second token is good",
  );
  assert.equal(body, "web");
  assert.equal(logins, 2);
});

async function fetchText(port: number, request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const response = await fetch(`http://127.0.0.1:${port}/`, {
    method: "POST",
    body: Buffer.concat(chunks),
  });
  return response.text();
}
