// Frames from chunks: every split, limits, and no room for what is only announced.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { Framer } from "../../src/net/framer.ts";
import { heldMemory } from "../../src/runtime/held-memory.ts";

function frameOf(payload: string | Buffer): Buffer {
  const bytes = Buffer.from(payload);
  const frame = Buffer.alloc(4 + bytes.length);
  frame.writeInt32BE(bytes.length, 0);
  bytes.copy(frame, 4);
  return frame;
}

interface Seen {
  readonly framer: Framer;
  readonly frames: string[];
  readonly tooLong: number[];
}

function framed(maxFrameBytes: number, goesOn: () => boolean = () => true): Seen {
  const frames: string[] = [];
  const tooLong: number[] = [];
  const framer = new Framer(maxFrameBytes, {
    frame(frame) {
      assert.equal(frame.readInt32BE(0), frame.length - 4, "the prefix stands in front");
      frames.push(frame.toString("latin1", 4));
      return goesOn();
    },
    tooLong: (lengthBytes) => void tooLong.push(lengthBytes),
  });
  return { framer, frames, tooLong };
}

/** As a socket does it: always the same buffer, overwritten by the next read. */
function feed(framer: Framer, ...chunks: readonly Buffer[]): void {
  const shared = Buffer.alloc(Math.max(...chunks.map((chunk) => chunk.length)) + 3);
  for (const chunk of chunks) {
    shared.fill(0xee);
    chunk.copy(shared, 3);
    assert.equal(framer.push(shared, 3, 3 + chunk.length), 3 + chunk.length);
  }
}

const wire = Buffer.concat([frameOf("hello"), frameOf(""), frameOf("a"), frameOf("twenty-two")]);
const expected = ["hello", "", "a", "twenty-two"];

test("the same frames come out, wherever the bytes were cut in two or in three", () => {
  for (let a = 0; a <= wire.length; a++) {
    for (let b = a; b <= wire.length; b++) {
      const { framer, frames, tooLong } = framed(100);
      feed(framer, wire.subarray(0, a), wire.subarray(a, b), wire.subarray(b));
      assert.deepEqual(frames, expected, `cut at ${a} and ${b}`);
      assert.deepEqual(tooLong, []);
      assert.equal(framer.heldBytes, 0);
    }
  }
});

test("the same frames come out byte by byte", () => {
  const { framer, frames } = framed(100);
  feed(framer, ...Array.from(wire, (_, i) => wire.subarray(i, i + 1)));
  assert.deepEqual(frames, expected);
});

test("a frame may be as long as the limit and not one byte longer", () => {
  const just = framed(10);
  feed(just.framer, frameOf("0123456789"));
  assert.deepEqual(just.frames, ["0123456789"]);
  const { framer, frames, tooLong } = framed(10);
  feed(framer, Buffer.concat([frameOf("ok"), frameOf("0123456789x"), frameOf("never")]));
  assert.deepEqual(frames, ["ok"]);
  assert.deepEqual(tooLong, [11]);
  feed(framer, frameOf("never"));
  assert.deepEqual([frames, tooLong, framer.heldBytes], [["ok"], [11], 0]);
});

test("what came behind a prefix that is too much is shown to whom it may concern", () => {
  const behind: string[] = [];
  const framer = new Framer(3, {
    frame: () => true,
    tooLong: (_, buffer, start, end) => void behind.push(buffer.toString("latin1", start, end)),
  });
  feed(framer, Buffer.concat([frameOf("ok"), frameOf("this is")]), frameOf("lost"));
  assert.deepEqual(behind, ["this is"]);
});

test("a negative length is reported as such, in one piece or in four", () => {
  const hostile = Buffer.from("ffffffff8001", "hex");
  for (const chunks of [[hostile], Array.from(hostile, (_, i) => hostile.subarray(i, i + 1))]) {
    const { framer, frames, tooLong } = framed(2 ** 31 - 1);
    feed(framer, ...chunks);
    assert.deepEqual([frames, tooLong], [[], [-1]]);
  }
});

test("a taker that wants no more gets the rest when it is pushed again", () => {
  const { framer, frames } = framed(100, () => false);
  let at = 0;
  const stops: number[] = [];
  while (at < wire.length) stops.push((at = framer.push(wire, at, wire.length)));
  assert.deepEqual(frames, expected);
  assert.deepEqual(stops, [9, 13, 18, 32]);
});

test("a taker that wants no more is heard also when its frame came in pieces", () => {
  const { framer, frames } = framed(100, () => false);
  assert.equal(framer.push(wire, 0, 6), 6);
  assert.equal(framer.heldBytes, 6);
  assert.equal(framer.push(wire, 6, wire.length), 9);
  assert.deepEqual(frames, ["hello"]);
});

test("a prefix alone does not allocate what it announces", (t) => {
  const { framer, frames } = framed(1024 * 1024);
  const allocate = t.mock.method(Buffer, "allocUnsafe");
  const allocated = () => allocate.mock.calls.map(({ arguments: [bytes] }) => bytes ?? 0);
  const frame = frameOf(Buffer.alloc(1024 * 1024, "x"));
  framer.push(frame, 0, 5);
  assert.deepEqual(allocated(), [4096]);
  let received = 5;
  while (received < frame.length) {
    const next = Math.min(frame.length, received + 60_000);
    framer.push(frame, received, next);
    received = next;
    const largest = Math.max(...allocated());
    assert.ok(largest <= Math.min(frame.length, Math.max(4096, 2 * received)), `${largest}`);
  }
  assert.equal(frames.length, 1);
  assert.ok(allocate.mock.callCount() < 12, "room grows by doubling");
});

/** Skips frames that begin with `s`. */
function skipping(maxFrameBytes: number) {
  const seen: string[] = [];
  const framer = new Framer(maxFrameBytes, {
    frame: (frame) => seen.push(frame.toString("latin1", 4)) > 0,
    tooLong: (lengthBytes) => void seen.push(`too long: ${lengthBytes}`),
    canSkip: (head) => (head.length > 4 ? head[4] === 0x73 : null),
    skipped: (head, lengthBytes, reason) =>
      seen.push(`${reason}: ${lengthBytes}, ${head.toString("latin1", 4, 7)}`) > 0,
  });
  return { framer, seen };
}

test("a frame that is too long and may be skipped passes, and the next one comes out", () => {
  const long = frameOf("skipped, and longer than ten");
  const bytes = Buffer.concat([frameOf("one"), long, frameOf("two")]);
  for (let a = 0; a <= bytes.length; a++) {
    const { framer, seen } = skipping(10);
    feed(framer, bytes.subarray(0, a), bytes.subarray(a));
    assert.deepEqual(seen, ["one", "too long: 28, ski", "two"], `cut at ${a}`);
    assert.equal(framer.heldBytes, 0);
  }
});

test("of a frame that is skipped no more than 4 KiB are kept", () => {
  const before = heldMemory.bytes;
  const { framer, seen } = skipping(10);
  const bytes = frameOf(Buffer.alloc(1_000_000, "s"));
  for (let at = 0; at < bytes.length; at += 65_536) {
    feed(framer, bytes.subarray(at, at + 65_536));
    assert.ok(heldMemory.bytes - before <= 4_096);
  }
  assert.deepEqual(seen, ["too long: 1000000, sss"]);
  assert.equal(heldMemory.bytes, before);
});

test("a frame that is too long and may not be skipped is refused as soon as that is known", () => {
  const { framer, seen } = skipping(10);
  feed(framer, Buffer.from("7fffffff", "hex"));
  assert.deepEqual(seen, []);
  feed(framer, Buffer.from("no"));
  assert.deepEqual(seen, [`too long: ${0x7fffffff}`]);
});

test("a frame that finds no memory passes without being kept, and the next one comes out", (t) => {
  const { limitBytes } = heldMemory;
  t.after(() => (heldMemory.limitBytes = limitBytes));
  const before = heldMemory.bytes;
  heldMemory.limitBytes = before + 100_000;
  const bytes = Buffer.concat([frameOf(Buffer.alloc(500_000, "s")), frameOf("small")]);
  const { framer, seen } = skipping(1_000_000);
  for (let at = 0; at < bytes.length; at += 65_536) {
    feed(framer, bytes.subarray(at, at + 65_536));
    assert.ok(heldMemory.bytes - before <= 100_000);
  }
  assert.deepEqual(seen, ["no memory: 500000, sss", "small"]);
  assert.equal(heldMemory.bytes, before);
});

test("short frames come out however much is held, wherever they are cut", (t) => {
  const { limitBytes } = heldMemory;
  t.after(() => (heldMemory.limitBytes = limitBytes));
  heldMemory.limitBytes = heldMemory.bytes;
  for (let cut = 0; cut <= wire.length; cut++) {
    const { framer, seen } = skipping(100);
    feed(framer, wire.subarray(0, cut), wire.subarray(cut));
    assert.deepEqual(seen, expected, `cut at ${cut}`);
  }
});

test("a framer that is closed within a frame holds nothing", () => {
  const before = heldMemory.bytes;
  const { framer } = skipping(1_000_000);
  feed(framer, frameOf(Buffer.alloc(500_000, "s")).subarray(0, 60_000));
  assert.ok(heldMemory.bytes - before >= 60_000);
  framer.close();
  assert.equal(heldMemory.bytes, before);
});
