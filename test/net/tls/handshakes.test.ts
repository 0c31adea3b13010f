// Callers that do not finish their handshake: at every byte, slowly, and in numbers.
import assert from "node:assert/strict";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { connect as connectTls } from "node:tls";
import { serverTlsOf } from "../../../src/core/tls/schema.ts";
import { accept } from "../../../src/net/accept.ts";
import { TlsStore } from "../../../src/net/tls/tls-store.ts";
import { openMetrics } from "../../../src/telemetry/metrics.ts";
import { testAuthority } from "../../support/certificates.ts";
import { simulatedClock } from "../../support/clock.ts";
import { plainSocket } from "../../support/http.ts";
import { keptLog } from "../../support/naming.ts";
import { hasPeer } from "../../support/peers.ts";
import { until } from "../../support/until.ts";

/** A server that responds to what it receives with the same; its time is simulated. */
async function echo(t: TestContext, limits: { maxHandshakes?: number } = {}) {
  const [clock, log] = [simulatedClock(), keptLog()];
  const { stats } = openMetrics(clock);
  const store = new TlsStore({ clock, log, stats });
  const authority = testAuthority(t);
  const config = serverTlsOf({
    ...authority.issue("users.test"),
    certificates: [authority.issue("orders.test")],
    requireClientAuth: false,
    handshakeTimeoutMs: 10_000,
    maxHandshakes: 1_000,
    ...limits,
  });
  const tls = store.server(config, stats);
  const open = new Set<Socket>();
  const gone = { accepted: 0, closed: 0 };
  const gate = {
    opened: () => ++gone.accepted > 0,
    closed: () => void gone.closed++,
  };
  const acceptor = await accept(
    { host: "127.0.0.1", port: 0, socket: plainSocket, clock, log, gate, tls },
    (link) => {
      open.add(link.socket);
      link.receiver = {
        received: (buffer, length) => void link.writeBytes(Buffer.from(buffer.subarray(0, length))),
        ended: () => void link.socket.end(),
        drained() {},
        closed: () => void open.delete(link.socket),
      };
    },
  );
  t.after(() => {
    acceptor.close();
    store.close();
    for (const socket of open) socket.destroy();
  });
  const failed = () => log.events.filter(({ event }) => event === "TLS handshake failed");
  return { clock, failed, stats: tls.stats, port: acceptor.port, gone };
}

const rawTo = (t: TestContext, port: number): Socket => {
  const socket = connect({ port, host: "127.0.0.1" });
  socket.on("error", () => {});
  t.after(() => socket.destroy());
  return socket;
};

/** The first flight of a real client. */
async function clientHello(t: TestContext): Promise<Buffer> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const client = connectTls({ port, host: "127.0.0.1", servername: "users.test" });
  client.on("error", () => {});
  t.after(() => client.destroy());
  const socket = await new Promise<Socket>((resolve) => server.once("connection", resolve));
  const hello = await new Promise<Buffer>((resolve) => socket.once("data", resolve));
  server.close();
  socket.destroy();
  return hello;
}

/** Whether a well-behaved caller is served. */
async function isServed(port: number): Promise<boolean> {
  const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false });
  const text = await new Promise<string>((resolve, reject) => {
    socket.once("error", reject);
    socket.once("data", (chunk) => resolve(chunk.toString("latin1")));
    socket.write("hello");
  });
  socket.end();
  return text === "hello";
}

test("a handshake that ends after any of its bytes is over, and leaves nothing", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const server = await echo(t);
  const hello = await clientHello(t);
  assert.ok(hello.length > 200);
  for (let cut = 0; cut < hello.length; cut += 1) {
    const socket = rawTo(t, server.port);
    socket.end(hello.subarray(0, cut));
    socket.resume();
    await new Promise((resolve) => socket.once("close", resolve));
  }
  await until(
    () => server.gone.closed,
    (closed) => closed === hello.length,
    "all connections closed",
  );
  assert.ok(await isServed(server.port));
  assert.equal(server.stats.handshakes.value, 1);
});

test("a handshake that arrives byte by byte succeeds", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const server = await echo(t);
  const hello = await clientHello(t);
  const socket = rawTo(t, server.port);
  socket.setNoDelay(true);
  for (const byte of hello) {
    await new Promise((resolve) => socket.write(Buffer.of(byte), resolve));
  }
  const first = await new Promise<Buffer>((resolve) => socket.once("data", resolve));
  assert.equal(first[0], 22); // a handshake record: the server's hello
});

test("a caller that trickles its handshake is disconnected after handshakeTimeoutMs", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const server = await echo(t);
  const hello = await clientHello(t);
  const socket = rawTo(t, server.port);
  await until(
    () => server.gone.accepted,
    (count) => count === 1,
    "a connection",
  );
  for (let second = 0; second < 9; second++) {
    socket.write(hello.subarray(second, second + 1));
    server.clock.advance(1_000);
  }
  assert.equal(server.gone.closed, 0);
  server.clock.advance(1_001);
  await new Promise((resolve) => socket.once("close", resolve));
  assert.equal(server.stats.failures.value, 1);
  const [line] = server.failed();
  assert.equal(line?.["problem"], "did not finish its handshake within 10000 ms");
});

test("half-done handshakes are bounded: the oldest makes room, and real callers are served", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const server = await echo(t, { maxHandshakes: 20 });
  const hello = await clientHello(t);
  // In turns: a test's process may not have 10,000 open files.
  for (let turn = 1; turn <= 10; turn++) {
    const sockets = Array.from({ length: 500 }, () => rawTo(t, server.port));
    for (const socket of sockets) socket.write(hello.subarray(0, 50));
    const closed = turn * 500 - 20;
    await until(
      () => server.gone,
      (gone) => gone.accepted === turn * 500 && gone.closed === closed,
      `${closed} abandoned`,
    );
  }
  assert.equal(server.gone.accepted - server.gone.closed, 20);
  assert.ok(await isServed(server.port));
  assert.equal(server.failed().length, 1); // not 4,980
  server.clock.advance(10_001);
  await until(
    () => server.gone,
    ({ accepted, closed }) => accepted === closed,
    "the rest gone",
  );
});

test("garbage instead of TLS, also behind a good first record, ends the connection", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const server = await echo(t);
  const hello = await clientHello(t);
  const garbage = Buffer.alloc(4_000, 0xa5);
  const hostile = [
    Buffer.of(22),
    Buffer.concat([Buffer.of(22, 3, 1, 255, 255), garbage]),
    Buffer.concat([hello, garbage]),
    Buffer.concat([hello, hello]),
    garbage,
  ];
  for (const bytes of hostile) {
    const socket = rawTo(t, server.port);
    socket.end(bytes);
    socket.resume();
    await new Promise((resolve) => socket.once("close", resolve));
  }
  await until(
    () => server.gone,
    ({ closed }) => closed === hostile.length,
    "all closed",
  );
  assert.ok(await isServed(server.port));
});

test("a hostile name in SNI gets a certificate or an alert, and nothing else", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const server = await echo(t);
  const hello = await clientHello(t);
  const at = hello.indexOf("users.test");
  assert.ok(at > 0);
  const names = [
    "__proto__.",
    "\0\0\0\0\0\0\0\0\0\0",
    "*.rs.test.",
    "../../../a",
    "\xff".repeat(10),
    "a\r\nb: c\r\n",
  ];
  for (const name of names) {
    const bytes = Buffer.from(hello);
    bytes.write(name, at, 10, "latin1");
    const socket = rawTo(t, server.port);
    socket.write(bytes);
    const first = await new Promise<Buffer>((resolve) => socket.once("data", resolve));
    assert.ok(first[0] === 22 || first[0] === 21, name); // a hello of the server, or an alert
    socket.destroy();
  }
  await until(
    () => server.gone,
    ({ closed }) => closed === names.length,
    "all closed",
  );
  assert.ok(await isServed(server.port));
});

test("records that are damaged after the handshake end the connection", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const server = await echo(t);
  const raw = connect({ port: server.port, host: "127.0.0.1" });
  const socket = connectTls({ socket: raw, rejectUnauthorized: false });
  socket.on("error", () => {});
  await new Promise((resolve) => socket.once("secureConnect", resolve));
  raw.write(Buffer.concat([Buffer.of(23, 3, 3, 0, 32), Buffer.alloc(32, 1)]));
  await new Promise((resolve) => socket.once("close", resolve));
  await until(
    () => server.gone,
    ({ closed }) => closed === 1,
    "closed",
  );
});
