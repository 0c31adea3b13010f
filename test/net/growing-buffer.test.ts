import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { GrowingBuffer } from "../../src/net/growing-buffer.ts";

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
