import assert from "node:assert/strict";
import { test } from "node:test";
import { InputBuffer } from "../../src/net/input-buffer.ts";
import type { Consumer } from "../../src/net/input-buffer.ts";
import { FakeSocket } from "../support/fake-socket.ts";

/** Takes whole lines while `wants`, and at most one when `oneAtATime`. */
class Lines implements Consumer {
  readonly lines: string[] = [];
  readAheadBytes = Infinity;
  wants = true;
  hasEnded = false;
  whenLine: () => void = () => {};

  consume(buffer: Buffer, start: number, end: number): number {
    let at = start;
    while (this.wants) {
      const lineFeed = buffer.indexOf(10, at);
      if (lineFeed < 0 || lineFeed >= end) break;
      this.lines.push(buffer.toString("latin1", at, lineFeed));
      at = lineFeed + 1;
      this.whenLine();
    }
    return at;
  }

  inputEnded(): void {
    this.hasEnded = true;
  }
}

function inlet() {
  const socket = new FakeSocket();
  const lines = new Lines();
  const opened = new InputBuffer(socket.link, lines);
  socket.link.receiver = {
    received: (buffer, length) => opened.received(buffer, length),
    ended: () => opened.ended(),
    drained() {},
    closed() {},
  };
  return { socket, lines, inlet: opened };
}

test("what is not complete waits, and is copied out of the shared buffer", () => {
  const { socket, lines } = inlet();
  for (const piece of ["ab", "c", "\nd", "ef\ng\n", "\n"]) socket.receive(piece);
  assert.deepEqual(lines.lines, ["abc", "def", "g", ""]);
});

test("reading pauses when too much waits, and resumes when it is wanted", () => {
  const { socket, lines, inlet: it } = inlet();
  lines.wants = false;
  lines.readAheadBytes = 4;
  socket.receive("a\nb\n");
  assert.equal(socket.isReading, true);
  socket.receive("c\n");
  assert.equal(socket.isReading, false);
  lines.wants = true;
  it.advance();
  assert.deepEqual(lines.lines, ["a", "b", "c"]);
  assert.equal(socket.isReading, true);
});

test("a consumer that changes its mind while it consumes is called again, never re-entered", () => {
  const { socket, lines, inlet: it } = inlet();
  lines.whenLine = () => {
    lines.wants = lines.lines.length % 2 === 1;
    if (!lines.wants) {
      lines.wants = true;
      it.advance(); // from within
    }
  };
  socket.receive("1\n2\n3\n4\n5");
  assert.deepEqual(lines.lines, ["1", "2", "3", "4"]);
});

test("the end comes after everything that waits", () => {
  const { socket, lines, inlet: it } = inlet();
  lines.wants = false;
  lines.readAheadBytes = 0;
  socket.receive("a\n");
  socket.emit("end");
  assert.equal(lines.hasEnded, false);
  lines.wants = true;
  it.advance();
  assert.deepEqual([lines.lines, lines.hasEnded], [["a"], true]);
});

test("a consumer that waits for more learns that none comes", () => {
  const { socket, lines } = inlet();
  socket.receive("half a line");
  socket.emit("end");
  assert.equal(lines.hasEnded, true);
});

test("a line of many small pieces is put together without copying it each time", () => {
  const { socket, lines } = inlet();
  const long = "x".repeat(5_000);
  for (const piece of long) socket.receive(piece);
  socket.receive("\n");
  assert.deepEqual(lines.lines, [long]);
});

test("messages that take long together wait for the next turns of the event loop, unread", async () => {
  const { socket, lines, inlet: it } = inlet();
  const sent = Array.from({ length: 100 }, (_, i) => `${i}`);
  let mostInTurn = 0;
  let inTurn = 0;
  const isOver = new Promise<void>((resolve) => {
    lines.whenLine = () => {
      const endMs = performance.now() + 1;
      while (performance.now() < endMs);
      mostInTurn = Math.max(mostInTurn, ++inTurn);
      it.foundMessage();
      lines.wants = !it.isResting;
      if (it.isResting) assert.equal(lines.hasEnded, false);
      if (lines.lines.length === sent.length) resolve();
    };
  });
  const nextTurn = () => {
    inTurn = 0;
    lines.wants = true;
    if (lines.lines.length < sent.length) setImmediate(nextTurn);
  };
  socket.receive(`${sent.join("\n")}\n`);
  assert.equal(socket.isReading, false);
  nextTurn();
  await isOver;
  assert.deepEqual(lines.lines, sent);
  assert.ok(mostInTurn <= 24, `${mostInTurn} in one turn`);
});

test("messages that take no time are all consumed in the turn in which they were read", () => {
  const { socket, lines, inlet: it } = inlet();
  lines.whenLine = () => {
    it.foundMessage();
    lines.wants = !it.isResting;
  };
  socket.receive("\n".repeat(40));
  assert.equal(lines.lines.length, 40);
});
