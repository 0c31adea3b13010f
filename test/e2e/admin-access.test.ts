// The admin server of a whole proxy: its token, and the port that names requests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { exchange } from "../admin/support.ts";
import { testFolder } from "../support/folder.ts";
import { startProxy } from "../support/proxy.ts";
import { deadPort } from "../support/service.ts";
import { until } from "../support/until.ts";

const statusWith = async (port: number, token: string): Promise<number> => {
  const headers = { authorization: `Bearer ${token}` };
  return (await exchange(port, "/config.json", { headers })).status;
};

test("a token can be replaced while the proxy runs, with both valid in between", async (t) => {
  const folder = testFolder(t);
  folder.write("token", "first-token-0123456789\n");
  const proxy = await startProxy(
    t,
    `
    admin: { port: 0, token: ${folder.path}/token }
    routers:
    - protocol: http
      servers: [{ port: 0 }]`,
  );
  const { adminPort } = proxy;
  const ask = (token: string) => statusWith(adminPort, token);
  assert.deepEqual([await ask("first-token-0123456789"), await ask("other")], [200, 401]);
  folder.write("token", "first-token-0123456789\nsecond-token-0123456789\n");
  await until(
    () => ask("second-token-0123456789"),
    (status) => status === 200,
    "second token",
  );
  assert.equal(await ask("first-token-0123456789"), 200);
  folder.write("token", "second-token-0123456789\n");
  await until(
    () => ask("first-token-0123456789"),
    (status) => status === 401,
    "first token",
  );
  folder.write("token", "short\n");
  const problem = () => proxy.events.find(({ event }) => event === "token files not usable");
  await until(problem, (found) => found !== undefined, "a warning");
  assert.equal(await ask("second-token-0123456789"), 200);
  const shown = JSON.stringify(proxy.events);
  assert.ok(!shown.includes("second-token") && !shown.includes("short\\n"), shown);
});

test("httpIdentifierPort says what each HTTP router names a request, and sends it nowhere", async (t) => {
  const port = await deadPort();
  await startProxy(
    t,
    `
    admin: { port: 0, httpIdentifierPort: ${port} }
    routers:
    - protocol: http
      label: by-host
      dtab: /svc => /$/inet/127.1/1 ;
      servers: [{ port: 0 }]
    - protocol: http
      label: by-path
      identifier: { kind: io.l5d.path, segments: 2 }
      servers: [{ port: 0 }]
    - protocol: thrift
      servers: [{ port: 0 }]`,
  );
  const headers = { host: "users", "l5d-dtab": "/svc/users=>/svc/staging" };
  const { status, body } = await exchange(port, "/one/two/three?x=1", { headers });
  assert.equal(status, 200);
  assert.deepEqual(JSON.parse(body), {
    "by-host": { path: "/svc/users", dtab: "/svc=>/$/inet/127.1/1;/svc/users=>/svc/staging" },
    "by-path": { path: "/svc/one/two", dtab: "/svc/users=>/svc/staging" },
  });
  const asked = { method: "POST", headers: { host: "users" }, body: "not read" };
  const posted = await exchange(port, "/one", asked);
  const named = JSON.parse(posted.body) as Record<string, { path?: string; error?: string }>;
  assert.equal(named["by-host"]?.path, "/svc/users");
  assert.match(named["by-path"]?.error ?? "", /segments/);
});
