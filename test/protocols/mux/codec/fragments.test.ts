// Messages in pieces, within their limits.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Fragments } from "../../../../protocols/mux/codec/fragments.ts";
import type { Dropped } from "../../../../protocols/mux/codec/fragments.ts";
import { heldMemory } from "../../../../src/runtime/held-memory.ts";

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

test("a message longer than a frame may be is dropped with its fragments, and the next is joined", () => {
  const fragments = new Fragments(limits);
  const results: unknown[] = [];
  for (let i = 0; i < 20; i++) results.push(fragments.add(piece(2, 100, i === 19)));
  const dropped = results.filter((each) => each !== null) as Dropped[];
  assert.deepEqual(
    dropped.map(({ tag, isLast, mayRetry }) => ({ tag, isLast, mayRetry })),
    [
      { tag: 2, isLast: false, mayRetry: false },
      { tag: 2, isLast: true, mayRetry: false },
    ],
  );
  assert.match(
    dropped[1]?.dropped ?? "",
    /^a message in fragments of more than 1000 bytes \(maxFrameKB\)$/,
  );
  assert.equal(fragments.heldBytes, 0);
  assert.equal(fragments.add(piece(2, 100, false)), null);
  assert.ok(Buffer.isBuffer(fragments.add(piece(2, 100, true))));
});

test("messages in fragments are dropped, to be sent again, when they are too many or too much together", () => {
  const many = new Fragments(limits);
  for (const tag of [2, 3, 4]) assert.equal(many.add(piece(tag, 1, false)), null);
  const fourth = many.add(piece(5, 1, false)) as Dropped;
  assert.match(fourth.dropped, /more than 3 messages/);
  assert.equal(fourth.mayRetry, true);
  many.close();
  const much = new Fragments(limits);
  assert.equal(much.add(piece(2, 900, false)), null);
  const second = much.add(piece(3, 900, false)) as Dropped;
  assert.match(second.dropped, /of more than 1500 bytes together/);
  assert.equal(second.mayRetry, true);
  much.forget(2);
  much.forget(3);
  assert.equal(much.heldBytes, 0);
  assert.equal(much.add(piece(3, 900, false)), null);
  much.close();
});

test("the tags of dropped messages are bounded as well", () => {
  const fragments = new Fragments(limits);
  let last: unknown = null;
  for (let tag = 2; tag < 9; tag++) last = fragments.add(piece(tag, 1, false));
  assert.match(JSON.stringify(last), /"problem":"more than 6 messages in fragments at a time"/);
  fragments.close();
});

test("fragments are counted as held memory until they are joined, dropped or closed", () => {
  const before = heldMemory.bytes;
  const fragments = new Fragments({ ...limits, maxFrameBytes: 1e6, maxHeldBytes: 1e6 });
  fragments.add(piece(2, 900, false));
  fragments.add(piece(3, 900, false));
  fragments.add(piece(4, 900, false));
  assert.ok(heldMemory.bytes - before >= 2_700);
  fragments.add(piece(2, 900, true));
  fragments.drop(3, "", false, true);
  fragments.close();
  assert.equal(heldMemory.bytes, before);
});

test("no message is begun or continued without memory", (t) => {
  const { limitBytes } = heldMemory;
  t.after(() => (heldMemory.limitBytes = limitBytes));
  const fragments = new Fragments({ ...limits, maxFrameBytes: 1e6, maxHeldBytes: 1e6 });
  assert.equal(fragments.add(piece(2, 900, false)), null);
  heldMemory.limitBytes = heldMemory.bytes;
  for (const tag of [3, 2]) {
    const dropped = fragments.add(piece(tag, 900, false)) as Dropped;
    assert.match(dropped.dropped, /maxBufferedMB/);
    assert.equal(dropped.mayRetry, true);
  }
  fragments.close();
});
