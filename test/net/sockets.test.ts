// Listening, dialling and copying on real sockets.
import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { accept } from "../../src/net/accept.ts";
import type { AcceptOptions } from "../../src/net/accept.ts";
import { dial } from "../../src/net/dial.ts";
import type { SocketLink } from "../../src/net/socket-link.ts";
import { lingeringClose } from "../../src/net/lingering-close.ts";
import { writeCopy } from "../../src/net/outlet.ts";
import { systemClock } from "../../src/runtime/timers.ts";
import { simulatedClock } from "../support/clock.ts";
import { noConnectionStats, plainSocket } from "../support/http.ts";
import { keptLog } from "../support/naming.ts";
import { rawCaller, rawEndpoint } from "../support/raw.ts";

async function listen(
  t: TestContext,
  onLink: (link: SocketLink) => void,
  more: Partial<AcceptOptions> = {},
) {
  const acceptor = await accept(
    {
      host: "127.0.0.1",
      port: 0,
      socket: plainSocket,
      clock: systemClock(),
      log: keptLog(),
      gate: null,
      ...more,
    },
    (link) => {
      t.after(() => link.socket.destroy());
      onLink(link);
    },
  );
  t.after(() => acceptor.close());
  return acceptor;
}

/** Writes down everything that happens to a link, bytes put together. */
function recorder(link: SocketLink) {
  const seen: string[] = [];
  let whenClosed: () => void = () => {};
  const closed = new Promise<void>((resolve) => (whenClosed = resolve));
  link.receiver = {
    received(buffer, length) {
      const text = buffer.toString("latin1", 0, length);
      const last = seen.at(-1);
      if (last?.startsWith("<")) seen[seen.length - 1] = last + text;
      else seen.push(`<${text}`);
      buffer.fill(0); // the receiver may overwrite it
    },
    ended: () => void seen.push("end"),
    drained: () => void seen.push("drain"),
    closed(error) {
      seen.push(error === null ? "closed" : "broken");
      whenClosed();
    },
  };
  return { seen, closed };
}

for (const takesOverHandles of [true, false]) {
  const how = takesOverHandles ? "a handle that was taken over" : "a plain socket";

  test(`${how}: bytes, half-close, response, close`, async (t) => {
    let record: ReturnType<typeof recorder> | null = null;
    const accepted = new Promise<SocketLink>((resolve) => {
      void listen(t, (link) => ((record = recorder(link)), resolve(link)), {
        takesOverHandles,
      }).then(({ port }) => {
        const caller = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
        t.after(() => caller.destroy());
        caller.end("hello");
        let text = "";
        caller.on("data", (chunk: Buffer) => (text += chunk.toString()));
        caller.on("end", () => assert.equal(text, "and goodbye"));
      });
    });
    const link = await accepted;
    assert.equal(link.socket.remoteAddress, "127.0.0.1");
    assert.equal(typeof link.socket.localPort, "number");
    await until(() => record?.seen.includes("end") === true);
    link.socket.end("and goodbye");
    await (record as unknown as ReturnType<typeof recorder>).closed;
    assert.deepEqual((record as unknown as ReturnType<typeof recorder>).seen, [
      "<hello",
      "end",
      "closed",
    ]);
  });

  test(`${how}: pausing stops the sender, resuming continues`, async (t) => {
    let received = 0;
    const links: SocketLink[] = [];
    const { port } = await listen(
      t,
      (link) => {
        links.push(link);
        link.receiver = { ...recorderless, received: (_buffer, length) => (received += length) };
        link.socket.pause();
      },
      { takesOverHandles },
    );
    const caller = rawCaller(t, port);
    const block = Buffer.alloc(65_536);
    let written = 0;
    while (caller.socket.writableLength < 1024 * 1024) {
      written += block.length;
      caller.socket.write(block);
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(received, 0);
    links[0]?.socket.resume();
    await until(() => received === written);
  });

  test(`${how}: a reset is reported as one`, async (t) => {
    let record: ReturnType<typeof recorder> | null = null;
    const { port } = await listen(t, (link) => (record = recorder(link)), { takesOverHandles });
    const caller = rawCaller(t, port);
    await until(() => record !== null);
    caller.reset();
    await (record as unknown as ReturnType<typeof recorder>).closed;
    assert.deepEqual((record as unknown as ReturnType<typeof recorder>).seen, ["broken"]);
  });
}

test("a port in use is reported with a text for people", async (t) => {
  const { port } = await listen(t, () => {});
  await assert.rejects(
    listen(t, () => {}, { port }),
    {
      message: `cannot listen on 127.0.0.1:${port}: another process has this port`,
    },
  );
});

test("after close no connection is accepted, and open ones stay open", async (t) => {
  const links: SocketLink[] = [];
  const acceptor = await listen(t, (link) => void links.push(link));
  const before = rawCaller(t, acceptor.port);
  await until(() => links.length === 1);
  await Promise.all([acceptor.close(), acceptor.close()]);
  const after = rawCaller(t, acceptor.port);
  await after.closed();
  assert.match(String(after.error), /ECONNREFUSED/);
  links[0]?.socket.write("still here");
  assert.equal(await before.until("here"), "still here");
});

test("reusePort works where Node has it, and is refused with the reason where not", async (t) => {
  const socket = { ...plainSocket, reusePort: true };
  try {
    const first = await listen(t, () => {}, { socket });
    await listen(t, () => {}, { socket, port: first.port });
  } catch (error) {
    assert.match(String(error), /reusePort needs Node 23\.1 or newer, this is v2[0-3]/);
  }
});

test("a dial that is not accepted fails in time, and says so", async (t) => {
  const clock = simulatedClock();
  const options = { connectTimeoutMs: 300, socket: plainSocket };
  const failed: string[] = [];
  // A TEST-NET address (RFC 5737): no response, or one that says there is no way.
  const giveUp = dial({ host: "192.0.2.1", port: 9 }, options, clock, {
    opened: () => assert.fail("opened"),
    failed: (why) => void failed.push(why.detail),
    closed: noConnectionStats,
  });
  t.after(giveUp);
  clock.advance(301);
  assert.equal(failed.length, 1);
  assert.match(failed[0] ?? "", /192\.0\.2\.1:9/);
});

test("a cancelled dial never calls back", async (t) => {
  const endpoint = await rawEndpoint(t);
  const address = { host: "127.0.0.1", port: endpoint.port };
  const options = { connectTimeoutMs: 300, socket: plainSocket };
  const giveUp = dial(address, options, systemClock(), {
    opened: () => assert.fail("opened"),
    failed: () => assert.fail("failed"),
    closed: noConnectionStats,
  });
  giveUp();
  giveUp();
  await new Promise((resolve) => setTimeout(resolve, 20));
});

test("copied bytes arrive as they were, however slow the reader and whatever came after", async (t) => {
  const links: SocketLink[] = [];
  const { port } = await listen(t, (link) => void links.push(link));
  const caller = rawCaller(t, port);
  caller.socket.pause();
  await until(() => links.length === 1);
  const socket = links[0]?.socket;
  if (socket === undefined) throw new Error("no link");
  const shared = Buffer.alloc(40_000);
  let expected = "";
  for (let i = 0; i < 300; i++) {
    const fill = String.fromCharCode(65 + (i % 26));
    const length = i % 7 === 0 ? 1 : 40_000;
    shared.fill(fill);
    writeCopy(socket, shared.subarray(0, length), `${length}:`, "\r\n");
    expected += `${length}:${fill.repeat(length)}\r\n`;
    shared.fill("?");
  }
  writeCopy(socket, Buffer.alloc(200_000, "z"), "big:", "");
  expected += `big:${"z".repeat(200_000)}`;
  caller.socket.resume();
  assert.ok((await caller.bytes(expected.length)) === expected);
});

test("lingering close: the last response arrives although the peer was still sending", async (t) => {
  const links: SocketLink[] = [];
  const { port } = await listen(t, (link) => void links.push(link));
  const caller = rawCaller(t, port);
  await until(() => links.length === 1);
  const link = links[0] as SocketLink;
  caller.send("x".repeat(1_000_000));
  let isClosed = false;
  link.socket.write("the last response");
  lingeringClose(link, {
    clock: systemClock(),
    stallTimeoutMs: 1_000,
    closed: () => (isClosed = true),
  });
  assert.equal(await caller.rest(), "the last response");
  assert.equal(caller.error, null);
  caller.end();
  await until(() => isClosed);
});

test("closing gently waits for a peer only so long", async (t) => {
  const clock = simulatedClock();
  const links: SocketLink[] = [];
  const { port } = await listen(t, (link) => void links.push(link));
  rawCaller(t, port);
  await until(() => links.length === 1);
  const link = links[0] as SocketLink;
  let isClosed = false;
  lingeringClose(link, { clock, stallTimeoutMs: 60_000, closed: () => (isClosed = true) });
  clock.advance(2_100);
  await until(() => isClosed);
  assert.equal(clock.waiting, 0);
});

test("read and write timeouts of a socket destroy it, progress does not", async (t) => {
  const clock = simulatedClock();
  const links: SocketLink[] = [];
  const socket = { ...plainSocket, readTimeoutMs: 1_000 };
  const { port } = await listen(t, (link) => void links.push(link), { socket, clock });
  const caller = rawCaller(t, port);
  await until(() => links.length === 1);
  const record = recorder(links[0] as SocketLink);
  for (let i = 0; i < 4; i++) {
    caller.send("x");
    await until(() => record.seen[0] === `<${"x".repeat(i + 1)}`);
    clock.advance(900);
  }
  assert.equal(record.seen.length, 1);
  clock.advance(600);
  await record.closed;
  assert.equal(record.seen.at(-1), "broken");
});

/** A caller that reads nothing, and a text on its way to it that the kernel has not taken whole. */
async function withWaitingText(t: TestContext, more: Partial<AcceptOptions> = {}) {
  const clock = simulatedClock();
  const links: SocketLink[] = [];
  const { port } = await listen(t, (link) => void links.push(link), { clock, ...more });
  const caller = rawCaller(t, port);
  caller.socket.pause();
  await until(() => links.length === 1);
  const link = links[0] as SocketLink;
  const text = "x".repeat(16_000_000);
  link.write(text);
  assert.ok(link.unsentBytes > 0);
  return { clock, caller, link, text };
}

test("a text that does not go out for writeTimeoutMs ends the connection", async (t) => {
  const socket = { ...plainSocket, writeTimeoutMs: 1_000 };
  const { clock, link } = await withWaitingText(t, { socket });
  const record = recorder(link);
  clock.advance(900);
  assert.equal(link.socket.destroyed, false);
  clock.advance(600);
  await record.closed;
  assert.deepEqual(record.seen, ["broken"]);
});

test("closing gently waits for a text that is still on its way", async (t) => {
  const { clock, caller, link, text } = await withWaitingText(t);
  let isClosed = false;
  lingeringClose(link, { clock, stallTimeoutMs: 60_000, closed: () => (isClosed = true) });
  clock.advance(10_000);
  assert.equal(link.socket.destroyed, false);
  caller.socket.resume();
  assert.equal((await caller.rest()).length, text.length);
  assert.equal(link.unsentBytes, 0);
  caller.end();
  await until(() => isClosed);
  assert.equal(clock.waiting, 0);
});

const recorderless = { received() {}, ended() {}, drained() {}, closed() {} };

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setImmediate(resolve));
}
