// `switchyard tap`: the calls of running proxies in a terminal.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { beginningOf, runProxy } from "../support/command.ts";
import { discovery } from "../support/discovery.ts";
import { ask } from "../support/http-request.ts";
import { startProxy } from "../support/proxy.ts";
import type { TestProxy } from "../support/proxy.ts";
import { service } from "../support/service.ts";
import { line } from "../support/terminal.ts";
import type { LineOutcome } from "../support/terminal.ts";

async function proxyOf(t: TestContext, label: string): Promise<TestProxy> {
  const web = await service(t, "web");
  const { rootDir } = discovery(t, { web: [web.port] });
  return startProxy(
    t,
    `
    namers: [{ kind: io.l5d.fs, rootDir: ${rootDir} }]
    routers:
    - { protocol: http, label: ${label}, dtab: /svc => /#/io.l5d.fs, servers: [{ port: 0 }] }`,
  );
}

/** Calls until the command has ended: it listens some time after it was started. */
async function whileCalling(
  command: Promise<LineOutcome>,
  call: () => Promise<unknown>,
): Promise<LineOutcome> {
  let isOver = false;
  void command.finally(() => (isOver = true));
  while (!isOver) await call();
  return command;
}

test("each call is one line: when, where, what, how long, and what went wrong", async (t) => {
  const proxy = await proxyOf(t, "out");
  const tapped = line(["tap", `127.0.0.1:${proxy.adminPort}`, "--count", "2", "--dst", "/svc/web"]);
  const { code, out } = await whileCalling(tapped, () => ask(proxy.port, "/a", { Host: "web" }));
  assert.equal(code, 0);
  const lines = out.trimEnd().split("\n");
  assert.equal(lines.length, 2);
  assert.match(
    lines[0] ?? "",
    /^\d\d:\d\d:\d\d\.\d{3} out 200 GET \/a {2}\/svc\/web -> 127\.0\.0\.1:\d+ {2}[\d.]+ ms {2}trace [0-9a-f]{16}$/,
  );
});

test("several proxies are shown together, each line with its instance", async (t) => {
  const proxies = [await proxyOf(t, "one"), await proxyOf(t, "two")];
  const admins = proxies.map(({ adminPort }) => `127.0.0.1:${adminPort}`);
  const seen = new Set<string>();
  while (seen.size < 2) {
    const tapped = line(["tap", ...admins, "--failed", "--count", "4"]);
    const { out } = await whileCalling(tapped, () =>
      Promise.all(proxies.map(({ port }) => ask(port, "/", { Host: "nobody" }))),
    );
    for (const each of out.trimEnd().split("\n")) {
      const [, port, label] =
        /^127\.0\.0\.1:(\d+) {2}\S+ (one|two) 502 .*unbound: /.exec(each) ?? [];
      const index = proxies.findIndex(({ adminPort }) => String(adminPort) === port);
      assert.equal(["one", "two"][index], label, each);
      seen.add(label ?? "");
    }
  }
});

test("--json prints records for programs, with the instance", async (t) => {
  const proxy = await proxyOf(t, "out");
  const address = `http://127.0.0.1:${proxy.adminPort}/`;
  const tapped = line(["tap", address, "--json", "--count", "1", "--slower-than", "0.001ms"]);
  const { out } = await whileCalling(tapped, () => ask(proxy.port, "/a", { Host: "web" }));
  const record = JSON.parse(out) as Readonly<Record<string, unknown>>;
  assert.deepEqual([record["instance"], record["target"]], [`127.0.0.1:${proxy.adminPort}`, "/a"]);
});

test("what callers send cannot command the terminal", async (t) => {
  const fake = await fakeAdmin(t, [
    `{"dropped":3}\n`,
    `${JSON.stringify({
      at: "2026-11-28T12:00:00.123Z",
      router: "in",
      status: "200",
      method: "\u001b[2J",
      target: "/\u202e\u0007",
      name: "/svc/x",
      endpoint: null,
      durationMs: 12_345,
      outcome: "success",
      failure: null,
      attempts: [],
      trace: null,
      fault: null,
    })}\n`,
  ]);
  const { out, error } = await line(["tap", fake, "--count", "1"]);
  assert.equal(
    out,
    "12:00:00.123 in 200 \\u001b[2J /\\u202e\\u0007  /svc/x -> (no endpoint)  12.3 s\n",
  );
  assert.equal(error, "-- 3 more calls are not shown (--rate)\n");
});

test("a proxy that goes away is asked again until it is back", async (t) => {
  const record = (id: number) => `{"id":"x-${id}"}\n`;
  const fake = await fakeAdmin(t, [record(1)], [record(2)]);
  const { out, error, code } = await line(["tap", fake, "--json", "--count", "2"]);
  assert.deepEqual([out.match(/x-\d/g), code], [["x-1", "x-2"], 0]);
  assert.match(error, /^-- .*asking again until it is back\n-- it is back\n$/);
});

test("what cannot be asked is said, with exit codes that scripts can use", async (t) => {
  const proxy = await proxyOf(t, "out");
  const admin = `127.0.0.1:${proxy.adminPort}`;
  const refused = await line(["tap", admin, "--status", "<script>"]);
  assert.equal(refused.code, 1);
  assert.match(refused.error, /400: expected status=200, 5xx, error, not/);
  for (const args of [
    [],
    ["nothing there"],
    [admin, "--slower-than", "soon"],
    [admin, "--count", "x"],
  ]) {
    const { code, error } = await line(["tap", ...args]);
    assert.equal(code, 2, error);
  }
});

test("a pipe that closes ends it without an error", async (t) => {
  const running = await runProxy(
    t,
    `
    routers:
    - { protocol: http, dtab: "", servers: [{ port: 0 }] }`,
  );
  let isOver = false;
  const piped = beginningOf(t, ["tap", `127.0.0.1:${running.adminPort}`]);
  void piped.finally(() => (isOver = true));
  while (!isOver) await ask(running.portOf(), "/", { Host: "web" });
  assert.equal((await piped).error, "");
});

test("Ctrl-C ends it with success", async (t) => {
  const fake = await fakeAdmin(t, [`{"dropped":1}\n`]);
  const binary = fileURLToPath(new URL("../../../bin/switchyard", import.meta.url));
  const child = spawn(process.execPath, [binary, "tap", fake], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  t.after(() => void child.kill("SIGKILL"));
  await once(child.stderr, "data");
  child.kill("SIGINT");
  const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
  assert.deepEqual([code, signal], [0, null]);
});

/** An admin server that sends one text after the other on each connection, then closes it. */
async function fakeAdmin(t: TestContext, ...connections: readonly (readonly string[])[]) {
  let count = 0;
  const server = createServer((_, response) => {
    response.writeHead(200);
    for (const text of connections[count++] ?? []) response.write(text);
    if (connections.length > 1) response.end();
  });
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
