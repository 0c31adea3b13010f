import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { GrowingBuffer } from "../../src/net/growing-buffer.ts";
import { heldMemory } from "../../src/runtime/held-memory.ts";
import { slabBytes, spareMemoryBytes } from "../../src/runtime/spare-memory.ts";

test("what was appended comes out as one buffer, however it was cut", () => {
  const whole = Buffer.from(Array.from({ length: 1000 }, (_, i) => i & 0xff));
  for (const size of [1, 7, 64, 999, 1000]) {
    const growing = GrowingBuffer.ofSize(16, whole.length);
    for (let at = 0; at < whole.length; at += size) {
      growing.append(whole, at, Math.min(whole.length, at + size));
    }
    assert.deepEqual(growing.view(), whole);
  }
});

test("a buffer whose length is known grows to exactly that length", () => {
  const growing = GrowingBuffer.ofSize(4, 10);
  growing.append(Buffer.alloc(10), 0, 7);
  growing.append(Buffer.alloc(10), 0, 3);
  assert.equal(growing.view().length, 10);
  assert.equal(growing.length, 10);
});

test("a first buffer is taken over without a copy until it is full", () => {
  const first = Buffer.from("abc.");
  const growing = new GrowingBuffer(first, 3, 100);
  growing.append(Buffer.from("d"), 0, 1);
  assert.equal(first.toString(), "abcd");
  growing.append(Buffer.from("e"), 0, 1);
  assert.equal(growing.view().toString(), "abcde");
});

test("long messages come out whole, whatever they were cut into, with their length known or not", () => {
  const whole = Buffer.alloc(9 * 1024 * 1024);
  for (let i = 0; i < whole.length; i += 4) whole.writeUInt32LE(i, i);
  const before = heldMemory.bytes;
  for (const maxBytes of [whole.length, 2 * whole.length, Infinity]) {
    for (const size of [10_000, 65_536, 300_001]) {
      const growing = GrowingBuffer.ofSize(4_096, maxBytes);
      for (let at = 0; at < whole.length; at += size) {
        growing.append(whole, at, Math.min(whole.length, at + size));
      }
      assert.equal(heldMemory.bytes - before, whole.length);
      assert.ok(growing.head(8).equals(whole.subarray(0, 8)));
      assert.ok(growing.release().equals(whole), `${maxBytes}, ${size}`);
      assert.equal(heldMemory.bytes, before);
    }
  }
});

test("more can be appended after a look at what is there", () => {
  const growing = GrowingBuffer.ofSize(4_096, Infinity);
  const parts = [1, 2, 3, 4].map((value) => Buffer.alloc(100_000, value));
  const seen: Buffer[] = [];
  for (const part of parts) {
    growing.append(part, 0, part.length);
    seen.push(Buffer.from(growing.view()));
  }
  assert.deepEqual(
    seen.map(({ length }) => length),
    [100_000, 200_000, 300_000, 400_000],
  );
  assert.ok(growing.release().equals(Buffer.concat(parts)));
});

test("without memory nothing is appended, unless it has to be", (t) => {
  const { limitBytes } = heldMemory;
  t.after(() => (heldMemory.limitBytes = limitBytes));
  const before = heldMemory.bytes;
  heldMemory.limitBytes = before + 10;
  const growing = GrowingBuffer.ofSize(4, 100);
  const bytes = Buffer.alloc(8, "x");
  assert.equal(growing.append(bytes, 0, 8), true);
  assert.equal(growing.append(bytes, 0, 8), false);
  assert.equal(growing.length, 8);
  assert.equal(growing.append(bytes, 0, 8, true), true);
  assert.equal(growing.release().toString(), "x".repeat(16));
  assert.equal(heldMemory.bytes, before);
});

test("a long message that is dropped leaves its memory to the next, unless somebody may still use it", () => {
  const bytes = Buffer.alloc(6 * 1024 * 1024, 1);
  const begin = (isSeen: boolean) => {
    const growing = GrowingBuffer.ofSize(4_096, bytes.length);
    growing.append(bytes, 0, bytes.length);
    const before = spareMemoryBytes();
    const seen = isSeen ? growing.view() : null;
    growing.drop();
    return { seen, keptBytes: spareMemoryBytes() - before };
  };
  const { seen } = begin(true);
  assert.ok(begin(false).keptBytes > 0);
  begin(false);
  assert.ok(seen?.equals(bytes), "the bytes that somebody saw stay as they were");
});

test("a message that stops short of its announced length stays in pieces that others use next", () => {
  const announced = 10 * 1024 * 1024;
  const part = Buffer.alloc(9 * 1024 * 1024, 2);
  const growing = new GrowingBuffer(Buffer.alloc(4_096), 4_096, announced, true);
  for (let at = 0; at < part.length; at += slabBytes) growing.append(part, at, at + slabBytes);
  const before = spareMemoryBytes();
  growing.drop();
  assert.ok(spareMemoryBytes() - before >= part.length - slabBytes);
});
