// Messages in pieces, within their limits.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Fragments } from "../../../../protocols/mux/codec/fragments.ts";

const limits = { maxFrameBytes: 1_000, maxHeldBytes: 1_500, maxStreams: 3 };

function piece(tag: number, bytes: number, isLast: boolean): Buffer {
  const frame = Buffer.alloc(8 + bytes, bytes);
  frame.writeInt32BE(4 + bytes, 0);
  frame[4] = 2;
  frame.writeUIntBE(isLast ? tag : tag | 0x800000, 5, 3);
  return frame;
}

test("a message in one piece is given as it is; one in several has a head as if it had one", () => {
  const fragments = new Fragments(limits);
  const whole = piece(2, 10, true);
  assert.equal(fragments.add(whole), whole);
  assert.equal(fragments.add(piece(3, 5, false)), null);
  assert.equal(fragments.add(piece(3, 5, false)), null);
  const joined = fragments.add(piece(3, 5, true));
  assert.ok(Buffer.isBuffer(joined));
  assert.deepEqual([joined.readInt32BE(0), joined.readUIntBE(5, 3), joined.length], [19, 3, 23]);
  assert.equal(fragments.heldBytes, 0);
});

test("a message longer than a frame may be is refused, however small its pieces", () => {
  const fragments = new Fragments(limits);
  let refused: unknown = null;
  for (let i = 0; i < 20 && refused === null; i++) refused = fragments.add(piece(2, 100, false));
  assert.match(
    JSON.stringify(refused),
    /a message in fragments of more than 1000 bytes \(maxFrameKB\)/,
  );
});

test("messages in pieces are refused when they are too many, or too much together", () => {
  const many = new Fragments(limits);
  for (const tag of [2, 3, 4]) assert.equal(many.add(piece(tag, 1, false)), null);
  assert.match(JSON.stringify(many.add(piece(5, 1, false))), /more than 3 messages/);
  const much = new Fragments(limits);
  assert.equal(much.add(piece(2, 900, false)), null);
  assert.match(JSON.stringify(much.add(piece(3, 900, false))), /of more than 1500 bytes together/);
  much.drop(2);
  assert.equal(much.heldBytes, 0);
  assert.equal(much.add(piece(3, 900, false)), null);
});
