import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { setImmediate as turnEnd } from "node:timers/promises";
import { accept } from "../../src/net/accept.ts";
import type { SocketLink } from "../../src/net/socket-link.ts";
import { loopNowMs, readBegins, readEnds } from "../../src/runtime/event-loop.ts";
import { systemClock } from "../../src/runtime/timers.ts";
import { plainSocket } from "../support/http.ts";
import { keptLog } from "../support/naming.ts";

/** A link, and everything that arrives at its other end, read by read. */
async function linked(t: TestContext) {
  const accepted: SocketLink[] = [];
  const options = {
    host: "127.0.0.1",
    port: 0,
    socket: plainSocket,
    clock: systemClock(),
    log: keptLog(),
    gate: null,
  };
  const acceptor = await accept(options, (link) => accepted.push(link));
  const peer = connect({ port: acceptor.port, host: "127.0.0.1" });
  const reads: string[] = [];
  peer.on("data", (chunk) => reads.push(chunk.toString("latin1")));
  t.after(() => {
    peer.destroy();
    acceptor.close();
    for (const link of accepted) link.socket.destroy();
  });
  await once(peer, "connect");
  while (accepted.length === 0) await turnEnd();
  return { link: accepted[0] as SocketLink, peer, reads, ended: once(peer, "end") };
}

test("texts that are written in one turn leave together at its end", async (t) => {
  const { link, reads, ended } = await linked(t);
  link.write("one ");
  link.write("two");
  assert.equal(link.socket.bytesWritten, 7, "whoever reaches for the socket finds them written");
  link.write(" three");
  link.write(" four");
  await turnEnd();
  link.socket.end();
  await ended;
  assert.equal(reads.join(""), "one two three four");
});

test("bytes written to the socket itself come behind the texts before them", async (t) => {
  const { link, reads, ended } = await linked(t);
  link.write("head|");
  link.socket.write("body|");
  link.write("next head|");
  link.socket.end("last");
  await ended;
  assert.equal(reads.join(""), "head|body|next head|last");
});

test("a peer that fills every read leaves the others their turn", async (t) => {
  const { link, peer } = await linked(t);
  const sentBytes = 2 * 1024 * 1024;
  let receivedBytes = 0;
  let inTurn = 0;
  let mostInTurn = 0;
  const isOver = new Promise<void>((resolve) => {
    const received = (_: Buffer, length: number) => {
      const endMs = performance.now() + 5;
      while (performance.now() < endMs);
      if (inTurn++ === 0) setImmediate(() => (inTurn = 0));
      mostInTurn = Math.max(mostInTurn, inTurn);
      receivedBytes += length;
      if (receivedBytes === sentBytes) resolve();
    };
    link.receiver = { received, ended() {}, drained() {}, closed() {} };
  });
  peer.write(Buffer.alloc(sentBytes));
  await isOver;
  assert.ok(mostInTurn <= 2, `${mostInTurn} reads of one socket in one turn`);
});

test("a socket that its owner paused while it rested stays paused", async (t) => {
  const { link, peer } = await linked(t);
  let reads = 0;
  const isPaused = new Promise<void>((resolve) => {
    const received = () => {
      const endMs = performance.now() + 5;
      while (performance.now() < endMs);
      if (++reads < 3) return;
      link.socket.pause();
      resolve();
    };
    link.receiver = { received, ended() {}, drained() {}, closed() {} };
  });
  peer.write(Buffer.alloc(4 * 1024 * 1024));
  await isPaused;
  for (let turn = 0; turn < 10; turn++) await turnEnd();
  assert.equal(reads, 3);
});

test("a long text does not wait for the end of the turn", async (t) => {
  const { link } = await linked(t);
  link.write("x".repeat(10_000));
  link.write("x".repeat(10_000));
  const { socket: itself } = link;
  assert.equal(itself.bytesWritten, 20_000);
});

test("a link whose socket died before the end of the turn writes nothing", async (t) => {
  const { link, reads } = await linked(t);
  const errors: Error[] = [];
  link.socket.on("error", (error) => errors.push(error));
  const closed = once(link.socket, "close");
  link.socket.destroy();
  link.write("too late");
  await closed;
  await turnEnd();
  assert.deepEqual([reads, errors], [[], []]);
});

test("within one read the time stands still, outside of it it does not", () => {
  readBegins();
  const atFirst = loopNowMs();
  const spinUntilMs = performance.now() + 2;
  while (performance.now() < spinUntilMs);
  assert.equal(loopNowMs(), atFirst);
  readEnds();
  assert.ok(loopNowMs() - atFirst >= 2);
});

test("short bytes are sent like texts, long ones immediately, in the order of writing", async (t) => {
  const { link, reads, ended } = await linked(t);
  const long = Buffer.alloc(50_000, "L");
  link.writeBytes(Buffer.from("short "));
  link.write("text ");
  link.writeBytes(long);
  link.writeBytes(Buffer.from(" last"));
  await turnEnd();
  link.socket.end();
  await ended;
  assert.equal(reads.join(""), `short text ${long.toString()} last`);
});

test("time does not go backwards within a tick", () => {
  readBegins();
  const atFirst = loopNowMs();
  readEnds();
  const spinUntilMs = performance.now() + 2;
  while (performance.now() < spinUntilMs);
  const between = loopNowMs();
  readBegins();
  const atSecond = loopNowMs();
  readEnds();
  assert.ok(atFirst < between && between <= atSecond);
});
