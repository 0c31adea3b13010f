// Traffic shifted by the command line: a name server, a sidecar, two versions of a service, callers all the time.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { nameServer } from "../name-server/support.ts";
import { testFolder } from "../support/folder.ts";
import { load } from "../support/load.ts";
import { startProxy } from "../support/proxy.ts";
import { service } from "../support/service.ts";
import type { Answering } from "../support/service.ts";
import { line } from "../support/terminal.ts";
import { until } from "../support/until.ts";

async function world(t: TestContext, newVersion: string | Answering) {
  const folder = testFolder(t);
  const old = await service(t, "old");
  const next = await service(t, newVersion);
  folder.write("names/users", `127.0.0.1 ${old.port}\n`);
  folder.write("names/users-v2", `127.0.0.1 ${next.port}\n`);
  const server = await nameServer(
    t,
    `
    namers: [{ kind: io.l5d.fs, rootDir: ${folder.path}/names }]
    storage: { kind: io.l5d.fs, rootDir: ${folder.path}/dtabs }
    interfaces: [{ kind: io.l5d.httpController, port: 0 }]
    `,
  );
  await server.put("default", "/svc => /#/io.l5d.fs");
  const sidecar = await startProxy(
    t,
    `
    routers:
    - protocol: http
      interpreter: { kind: io.l5d.namerd.http, dst: /$/inet/127.0.0.1/${server.port} }
      servers: [{ port: 0 }]
    `,
  );
  const store = `http://127.0.0.1:${server.port}`;
  const admin = `http://127.0.0.1:${sidecar.adminPort}`;
  const shift = (...more: readonly string[]) =>
    line(["shift", "/svc/users", "--store", store, "--admin", admin, "--every", "300ms", ...more]);
  const dtab = async () => (await line(["dtab", "get", store, "default"])).out;
  return { folder, old, next, server, sidecar, store, shift, dtab };
}

const before = "/svc=>/#/io.l5d.fs ;\n";
const to = ["--to", "/#/io.l5d.fs/users-v2", "--min-calls", "5"];

test("a good version gets all calls, step by step, and none fails", async (t) => {
  const { sidecar, shift, dtab, next, store } = await world(t, "new");
  const callers = await load(t, sidecar.port, "users");
  const { code, out, error } = await shift(...to, "--steps", "10,50,100");
  assert.deepEqual([code, error], [0, ""]);
  assert.match(out, /step 1\/3: 10 % to .*\n.*new: \d+ calls, success 100.0 %/);
  assert.match(out, /done: 100 % to \/#\/io.l5d.fs\/users-v2/);
  assert.equal(await dtab(), `${before}/svc/users=>/#/io.l5d.fs/users-v2 ;\n`);
  const { count } = next;
  await until(
    () => next.count,
    (now) => now > count,
    "calls go to the new version",
  );
  assert.deepEqual(await callers.stop(), []);
  assert.equal(
    (await line(["dtab", "ls", store])).out,
    "default\n",
    "nothing is left of the shift",
  );
});

test("a bad version is taken back with the reason, and the old one never fails", async (t) => {
  let isGood = false;
  const { sidecar, shift, dtab } = await world(t, (_, response) => {
    response.statusCode = isGood ? 200 : 500;
    isGood = !isGood;
    response.end("new");
  });
  const callers = await load(t, sidecar.port, "users");
  const { code, out, error } = await shift(...to, "--steps", "20,100", "--every", "10s");
  assert.equal(code, 1);
  assert.match(out, /taken back: all calls of \/svc\/users go to \/#\/io.l5d.fs\/users/);
  assert.match(error, /success is \d+.\d+ % \(< 99 %\) of \d+ calls/);
  assert.equal(await dtab(), before);
  const failures = await callers.stop();
  assert.ok(failures.length > 0 && failures.every((failure) => failure === "500 new"));
});

test("an edit by somebody else stops the shift, and is not overwritten", async (t) => {
  const { sidecar, shift, server, dtab } = await world(t, "new");
  const callers = await load(t, sidecar.port, "users");
  const running = shift(...to, "--steps", "10,100", "--every", "2s");
  await until(dtab, (text) => text.includes("10.00*"), "the first step is made");
  await server.put("default", "/svc => /#/io.l5d.fs ; /svc/users => /#/io.l5d.fs/mine");
  const { code, error } = await running;
  assert.equal(code, 1);
  assert.match(
    error,
    /somebody else has changed \/svc\/users: its dentry is \/#\/io.l5d.fs\/mine now/,
  );
  assert.match(await dtab(), /\/svc\/users=>\/#\/io.l5d.fs\/mine/);
  await callers.stop();
});

test("edits of other names meanwhile are kept", async (t) => {
  const { sidecar, shift, store, dtab } = await world(t, "new");
  const callers = await load(t, sidecar.port, "users");
  const running = shift(...to, "--steps", "10,100", "--every", "1s");
  const text = await until(dtab, (found) => found.includes("10.00*"), "the first step is made");
  const input = `${text}/svc/other => /#/io.l5d.fs/users ;`;
  assert.equal((await line(["dtab", "put", store, "default", "-"], { input })).code, 0);
  assert.equal((await running).code, 0);
  assert.match(await dtab(), /\/svc\/other=>\/#\/io.l5d.fs\/users ;/);
  await callers.stop();
});

test("a shift that has died is shown, cannot begin twice, and is taken back", async (t) => {
  const { shift, store, dtab } = await world(t, "new");
  // What is left when the process dies in its first step.
  const died =
    "/svc=>/#/io.l5d.fs ; /svc/users => 90 * /#/io.l5d.fs/users & 10 * /#/io.l5d.fs/users-v2";
  const state = `/to/svc/users => /#/io.l5d.fs/users-v2 ; /from/svc/users => /#/io.l5d.fs/users ;
    /added/svc/users => /yes ; /steps/svc/users => /10/100 ; /step/svc/users => /1`;
  await line(["dtab", "put", store, "default", "-"], { input: died });
  await line(["dtab", "put", store, "default-shifts", "-"], { input: state });
  assert.match((await shift("--status")).out, /step 1\/2: 10 % to/);
  const again = await shift(...to);
  assert.equal(again.code, 1);
  assert.match(again.error, /--resume continues it, --rollback takes it back/);
  assert.equal((await shift("--rollback")).code, 0);
  assert.equal(await dtab(), before);
});

test("a shift that has died is continued", async (t) => {
  const { shift, store, dtab, sidecar } = await world(t, "new");
  const callers = await load(t, sidecar.port, "users");
  const state = `/to/svc/users => /#/io.l5d.fs/users-v2 ; /from/svc/users => /#/io.l5d.fs/users ;
    /added/svc/users => /yes ; /steps/svc/users => /10/100 ; /step/svc/users => /0`;
  await line(["dtab", "put", store, "default-shifts", "-"], { input: state });
  assert.equal((await shift("--resume")).code, 0);
  assert.match(await dtab(), /\/svc\/users=>\/#\/io.l5d.fs\/users-v2/);
  await callers.stop();
});

test("a new version that no proxy finds, or a proxy that cannot be asked, leaves nothing behind", async (t) => {
  const { shift, dtab, store } = await world(t, "new");
  const misspelt = await shift("--to", "/#/io.l5d.fs/users-v3");
  assert.equal(misspelt.code, 1);
  assert.match(misspelt.error, /\/#\/io.l5d.fs\/users-v3 leads nowhere at the proxies of --admin/);
  const unasked = await shift(...to, "--admin", "http://127.0.0.1:1");
  assert.equal(unasked.code, 1);
  assert.match(unasked.error, /http:\/\/127.0.0.1:1 cannot be asked/);
  assert.equal(await dtab(), before);
  assert.equal((await line(["dtab", "ls", store])).out, "default\n");
});

test("a name that leads nowhere, and one that is there already, are refused", async (t) => {
  const { store } = await world(t, "new");
  const nowhere = await line(["shift", "/x", "--to", "/y", "--store", store, "--blind"]);
  assert.match(nowhere.error, /leads \/x nowhere/);
  const same = ["shift", "/svc/users", "--to", "/#/io.l5d.fs/users", "--store", store, "--blind"];
  assert.match((await line(same)).error, /goes to \/#\/io.l5d.fs\/users already/);
});

for (const [what, args, says] of [
  ["no name", ["--to", "/a", "--store", "x"], /expected one name/],
  ["no store", ["/svc/a", "--to", "/a"], /expected --store/],
  ["nobody to watch", ["/svc/a", "--to", "/a", "--store", "x"], /expected --admin/],
  ["a bad tree", ["/svc/a", "--to", "a", "--store", "x", "--blind"], /--to: /],
  ["two verbs", ["/svc/a", "--store", "x", "--resume", "--rollback"], /exclude each other/],
] as const) {
  test(`${what} is wrong usage`, async () => {
    const { code, error } = await line(["shift", ...args]);
    assert.equal(code, 2);
    assert.match(error, says);
  });
}
