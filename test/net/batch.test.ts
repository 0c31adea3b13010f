// Small writes that are joined.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turnEnd } from "node:timers/promises";
import { Batch, maxBatchedBytes } from "../../src/net/batch.ts";
import { FakeSocket } from "../support/fake-socket.ts";

/** Counts writes. */
class CountedSocket extends FakeSocket {
  writes = 0;
  override write(chunk: string | Uint8Array): boolean {
    this.writes++;
    return super.write(chunk);
  }
}

function write(batch: Batch, text: string): void {
  const at = batch.take(text.length);
  batch.bytes.write(text, at, "latin1");
}

function batched() {
  const socket = new CountedSocket();
  return { socket, batch: new Batch(socket.link.socket) };
}

test("what is written in one turn leaves in one write, and the next in another", async () => {
  const { socket, batch } = batched();
  write(batch, "one ");
  write(batch, "two ");
  assert.equal(batch.waitingBytes, 8);
  await turnEnd();
  assert.deepEqual([socket.sent, socket.writes], ["one two ", 1]);
  write(batch, "three");
  await turnEnd();
  assert.deepEqual([socket.sent, socket.writes], ["one two three", 2]);
});

test("more than fits leaves in order", async () => {
  const { socket, batch } = batched();
  const texts = Array.from({ length: 10 }, (_, i) => String(i).repeat(maxBatchedBytes / 4));
  for (const text of texts) write(batch, text);
  await turnEnd();
  assert.equal(socket.sent, texts.join(""));
  assert.equal(socket.writes, 3);
});

test("what a slow socket keeps is not overwritten by what comes later", async () => {
  const socket = new CountedSocket();
  const kept: Uint8Array[] = [];
  socket.write = (chunk: string | Uint8Array) => {
    if (typeof chunk !== "string") kept.push(chunk);
    socket.writableLength += chunk.length;
    return false;
  };
  const batch = new Batch(socket.link.socket);
  for (const text of ["first", "second", "third"]) {
    write(batch, text);
    await turnEnd();
  }
  assert.deepEqual(
    kept.map((bytes) => Buffer.from(bytes).toString()),
    ["first", "second", "third"],
  );
  // And each but the first, which the socket had taken up whole, in as little memory as it needs.
  assert.ok(kept.slice(1).every((bytes) => bytes.buffer.byteLength <= Buffer.poolSize));
});

test("nothing is written to a socket that is gone", async () => {
  const { socket, batch } = batched();
  write(batch, "late");
  socket.destroy();
  await turnEnd();
  assert.equal(socket.writes, 0);
});
