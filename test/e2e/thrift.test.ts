// What Thrift callers see through the whole proxy, with npm thrift on both sides.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { startProxy } from "../support/proxy.ts";
import type { TestProxy } from "../support/proxy.ts";
import { ask } from "../support/http-request.ts";
import { deadPort, service } from "../support/service.ts";
import { discovery } from "../support/discovery.ts";
import { until } from "../support/until.ts";
import { echoClient, echoServer, framedBinary, NotFound, treeNode } from "../support/thrift.ts";
import type { EchoClient, ProtocolName, Speech, TransportName } from "../support/thrift.ts";

const transports: readonly TransportName[] = ["framed", "buffered"];
const protocols: readonly ProtocolName[] = ["binary", "compact"];

/** A router in front of one port; `lines` are further keys of it. */
function proxyTo(
  t: TestContext,
  port: number,
  protocol: ProtocolName = "binary",
  server = "",
  client = "",
  lines: readonly string[] = [],
): Promise<TestProxy> {
  return startProxy(
    t,
    `
    routers:
    - protocol: thrift
      thriftProtocol: ${protocol}
      dtab: /svc => /$/inet/127.0.0.1/${port}
      servers: [{ port: 0, ${server} }]
      client: { ${client} }
${lines.map((line) => `      ${line}`).join("\n")}`,
  );
}

async function assertAllMethods(client: EchoClient): Promise<void> {
  assert.equal(await client.echo("grüße"), "grüße");
  assert.equal(await client.ping(), undefined);
  assert.equal(await client.find("it"), "found it");
  await assert.rejects(client.find("missing"), (error) => {
    assert.ok(error instanceof NotFound);
    return (error as Error & { key?: string }).key === "missing";
  });
  const bytes = Buffer.alloc(100_000, "0123456789");
  assert.ok((await client.blob(bytes)).equals(bytes));
  const leaf = { name: "leaf", isLeaf: true, small: [1, -2], weight: 0.5 };
  const numbers = { one: [1, 2], none: [] };
  const tree = await client.tree(treeNode({ name: "root", children: [leaf as never], numbers }));
  assert.equal(tree.name, "root");
  assert.equal(tree.children[0]?.weight, 0.5);
  void client.note("seen");
  const notes = await until(
    () => client.notes(),
    (found) => found.length > 0,
    "a note",
  );
  assert.deepEqual(notes, ["seen"]);
}

for (const protocol of protocols) {
  for (const transport of transports) {
    test(`all kinds of calls go through, ${transport} ${protocol}, on both sides`, async (t) => {
      const wireFormat: Speech = { transport, protocol };
      const echo = await echoServer(t, wireFormat);
      const key = `thriftFramed: ${transport === "framed"}`;
      const proxy = await proxyTo(t, echo.port, protocol, key, key);
      await assertAllMethods(echoClient(t, proxy.port, wireFormat));
      await assertAllMethodsAreCounted(proxy);
    });

    test(`callers that are ${transport} reach endpoints that are not, ${protocol}`, async (t) => {
      const other = transport === "framed" ? "buffered" : "framed";
      const echo = await echoServer(t, { transport: other, protocol });
      const isFramed = transport === "framed";
      const proxy = await proxyTo(
        t,
        echo.port,
        protocol,
        `thriftFramed: ${isFramed}`,
        `thriftFramed: ${!isFramed}`,
      );
      await assertAllMethods(echoClient(t, proxy.port, { transport, protocol }));
    });

    test(`200 pipelined calls get their own responses, ${transport} ${protocol}`, async (t) => {
      const wireFormat: Speech = { transport, protocol };
      let calls = 0;
      const slow = (text: string) =>
        new Promise<string>((resolve) => setTimeout(() => resolve(text), (calls++ % 7) * 3));
      const echo = await echoServer(t, wireFormat, null, { echo: slow });
      const key = `thriftFramed: ${transport === "framed"}`;
      const proxy = await proxyTo(t, echo.port, protocol, key, key);
      const client = echoClient(t, proxy.port, wireFormat);
      const texts = Array.from({ length: 200 }, (_, i) => `call ${i} ${"x".repeat(i)}`);
      assert.deepEqual(await Promise.all(texts.map((text) => client.echo(text))), texts);
      assert.ok(echo.connections > 10, "they went over several connections at a time");
    });
  }
}

async function assertAllMethodsAreCounted(proxy: TestProxy): Promise<void> {
  const scope = "rt/thrift/server/127.0.0.1/0";
  assert.equal(await proxy.metric(`${scope}/status/declared_exception`), 1);
  assert.equal(await proxy.metric(`${scope}/status/oneway`), 1);
  assert.ok((await proxy.metric(`${scope}/status/reply`)) >= 6);
  assert.equal(await proxy.metric(`${scope}/failures`), 0);
}

test("multiplexed calls are named by their service, and by their method when asked to", async (t) => {
  const calc = await echoServer(t, framedBinary, "Calc", { echo: (text) => `calc ${text}` });
  const users = await echoServer(t, framedBinary, "Users", { echo: (text) => `users ${text}` });
  const find = await echoServer(t, framedBinary, "Users", { echo: () => "never" });
  const disco = discovery(t, { Calc: [calc.port], Users: [users.port], find: [find.port] });
  for (const isNamedByMethod of [false, true]) {
    const proxy = await startProxy(
      t,
      `
      namers: [{ kind: io.l5d.fs, rootDir: ${disco.rootDir} }]
      routers:
      - protocol: thrift
        thriftMethodInDst: ${isNamedByMethod}
        dtab: |
          /svc => /#/io.l5d.fs ;
          /svc/Users/find => /#/io.l5d.fs/find ;
        servers: [{ port: 0 }]`,
    );
    const ask = (name: string) => echoClient(t, proxy.port, framedBinary, name);
    assert.equal(await ask("Calc").echo("a"), "calc a");
    assert.equal(await ask("Users").echo("a"), "users a");
    assert.equal(await ask("Users").find("a"), "found a");
    const scope = "rt/thrift/service/svc/Users";
    const byMethod = await proxy.metric(`${scope}/find/requests`);
    assert.equal(byMethod, isNamedByMethod ? 1 : 0);
    const name = isNamedByMethod ? `${scope}/echo/requests` : `${scope}/requests`;
    assert.equal(await proxy.metric(name), isNamedByMethod ? 1 : 2);
    await proxy.close(0);
  }
});

test("a name without a route is an exception that gives the reason", async (t) => {
  const proxy = await startProxy(
    t,
    `
    routers:
    - protocol: thrift
      thriftMethodInDst: true
      dtab: /svc/echo => /$/nil
      servers: [{ port: 0 }]`,
  );
  const client = echoClient(t, proxy.port);
  await assert.rejects(client.find("it"), (error: Error & { type?: number }) => {
    assert.equal(error.type, 1);
    assert.match(error.message, /^no route for "find" \(\/svc\/find\): the name leads nowhere/);
    assert.match(error.message, /Dtab\.base=\[\/svc\/echo=>\/\$\/nil\]/);
    assert.match(
      error.message,
      /live:\n {2}switchyard why http:\/\/127\.0\.0\.1:\d+ \/svc\/find --router thrift/,
    );
    return true;
  });
  // The connection is as good as before, and a one-way call gets no response that others would take.
  void client.note("lost");
  await assert.rejects(client.ping(), /no route for "ping"/);
  assert.equal(await proxy.metric("rt/thrift/server/127.0.0.1/0/connects"), 1);
  assert.equal(await proxy.metric("rt/thrift/server/127.0.0.1/0/failures/unbound"), 3);
});

test("a multiplexed call that fails gets an exception by its method's own name, as from a server", async (t) => {
  const proxy = await startProxy(
    t,
    `
    routers:
    - protocol: thrift
      dtab: /svc/Users => /$/nil
      servers: [{ port: 0 }]`,
  );
  // A caller of npm thrift drops the connection when a response is not for a method of its own.
  const users = echoClient(t, proxy.port, framedBinary, "Users");
  await assert.rejects(users.find("it"), /^TApplicationException: no route for "Users:find"/);
  await assert.rejects(users.ping(), /no route for "Users:ping"/);
});

test("a refused connection is attempted elsewhere; when all refuse, the exception names the address", async (t) => {
  const echo = await echoServer(t);
  const disco = discovery(t, { echo: [await deadPort(), echo.port] });
  const proxy = await startProxy(
    t,
    `
    namers: [{ kind: io.l5d.fs, rootDir: ${disco.rootDir} }]
    routers:
    - protocol: thrift
      dtab: /svc => /#/io.l5d.fs/echo
      servers: [{ port: 0 }]`,
  );
  const client = echoClient(t, proxy.port);
  for (let i = 0; i < 40; i++) assert.equal(await client.echo("hi"), "hi");
  assert.ok((await proxy.metric("rt/thrift/client/#/io.l5d.fs/echo/retries/requeues")) > 0);
  const dead = await deadPort();
  disco.set("echo", [dead]);
  const refused = await until(
    () =>
      client.echo("hi").then(
        () => null,
        (error: Error & { type?: number }) => error,
      ),
    (error) => error !== null,
    "a failure",
  );
  assert.equal(refused?.type, 6);
  assert.match(
    refused?.message ?? "",
    new RegExp(`no connection for "echo" .*127\\.0\\.0\\.1:${dead} refused`),
  );
});

test("no call is lost while an endpoint is taken away under load", async (t) => {
  const [one, two] = [await echoServer(t), await echoServer(t)];
  const disco = discovery(t, { echo: [one.port, two.port] });
  const proxy = await startProxy(
    t,
    `
    namers: [{ kind: io.l5d.fs, rootDir: ${disco.rootDir} }]
    routers:
    - protocol: thrift
      dtab: /svc => /#/io.l5d.fs/echo
      servers: [{ port: 0 }]`,
  );
  let isOver = false;
  let calls = 0;
  const load = Array.from({ length: 8 }, async (_, i) => {
    const client = echoClient(t, proxy.port);
    while (!isOver) {
      const text = `${i}/${calls++}`;
      assert.equal(await client.echo(text), text);
    }
  });
  await until(
    () => calls,
    (count) => count > 400,
    "load",
  );
  disco.set("echo", [two.port]);
  await until(
    () => one.connections,
    (open) => open === 0,
    "the removed endpoint is left alone",
  );
  const echoesOfOne = one.echoes;
  const before = calls;
  await until(
    () => calls,
    (count) => count > before + 400,
    "more load",
  );
  isOver = true;
  await Promise.all(load);
  assert.equal(one.echoes, echoesOfOne);
  assert.ok(echoesOfOne > 0 && two.echoes > 0);
});

test("each call is a line of the access log, and calls in progress end before the proxy does", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "switchyard-thrift-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "access.log");
  let response: (text: string) => void = () => {};
  const slow = new Promise<string>((resolve) => (response = resolve));
  const echo = await echoServer(t, framedBinary, null, {
    echo: (text) => (text === "slow" ? slow : text),
  });
  const proxy = await proxyTo(t, echo.port, "binary", "", "", [`thriftAccessLog: ${file}`]);
  const client = echoClient(t, proxy.port);
  assert.equal(await client.echo("quick"), "quick");
  const pending = client.echo("slow");
  await until(
    () => echo.echoes,
    (echoes) => echoes === 2,
    "the slow call is there",
  );
  const closed = proxy.close(5_000);
  response("at last");
  assert.equal(await pending, "at last");
  await closed;
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  assert.equal(lines.length, 2);
  for (const line of lines) {
    assert.match(
      line,
      /^\S+Z 127\.0\.0\.1:\d+ \/svc "echo" reply \d+ \d+ \d+\.\d{3} 127\.0\.0\.1:\d+$/,
    );
  }
});

test("http and thrift routers share one dtab and one namer, and both are seen", async (t) => {
  const web = await service(t, "web");
  const echo = await echoServer(t, framedBinary, "echo");
  const disco = discovery(t, { web: [web.port], echo: [echo.port] });
  const proxy = await startProxy(
    t,
    `
    namers: [{ kind: io.l5d.fs, rootDir: ${disco.rootDir} }]
    routers:
    - protocol: http
      dtab: &names /host => /#/io.l5d.fs ; /svc => /host ;
      servers: [{ port: 0 }]
    - protocol: thrift
      dtab: *names
      servers: [{ port: 0 }]`,
  );
  assert.equal((await ask(proxy.portOf("http"), "/", { Host: "web" })).body, "web");
  const client = echoClient(t, proxy.portOf("thrift"), framedBinary, "echo");
  assert.equal(await client.echo("hi"), "hi");
  for (const name of ["http/service/svc/web", "thrift/service/svc/echo"]) {
    assert.equal(await proxy.metric(`rt/${name}/success`), 1);
  }
  const delegated = await proxy.admin("/delegator.json?namespace=thrift&path=/svc/echo");
  assert.match(delegated, /"\/#\/io\.l5d\.fs\/echo"/);
});
