// What leaves a connection: small messages immediately, large ones in pieces and in turns.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turnEnd } from "node:timers/promises";
import { MuxResponse } from "../../../protocols/mux/message.ts";
import { emptyMessage, rdispatch, rping, rreq } from "../../../protocols/mux/codec/messages.ts";
import { MessageWriter } from "../../../protocols/mux/message-writer.ts";
import { rdispatchWriter, rreqWriter } from "../../../protocols/mux/codec/writers.ts";
import { FakeSocket } from "../../support/fake-socket.ts";
import { everySplit } from "./splits.ts";

function outbox() {
  const socket = new FakeSocket();
  const sent = { value: 0 };
  const box = new MessageWriter(socket.link, sent, true);
  const respond = (tag: number, bytes: number, type = rdispatch) => {
    const frame = Buffer.alloc(9 + bytes, tag);
    const writer = type === rdispatch ? rdispatchWriter : rreqWriter;
    box.send(type, tag, writer, new MuxResponse(0, frame, 9, 9, 0), frame, 9);
  };
  /** The frames that left: tag, whether more follows, bytes of the body. */
  const frames = () => {
    box.flush();
    return everySplit.frames([Buffer.from(socket.sent, "latin1")]).map((frame) => {
      const tag = frame.readUIntBE(5, 3);
      return [tag & 0x7fffff, tag > 0x7fffff ? "more" : "last", frame.length - 8] as const;
    });
  };
  return { socket, box, respond, frames, sent };
}

test("small messages leave in one write at the end of the turn", async () => {
  const { socket, box, respond } = outbox();
  respond(2, 10);
  respond(3, 10);
  box.control(emptyMessage(rping, 1));
  assert.equal(socket.sent, "");
  await turnEnd();
  assert.equal(socket.sent.length, 2 * (8 + 3 + 10) + 8);
});

test("a large message goes in pieces of what the peer takes, and the pieces are the message", () => {
  const { box, respond, frames, sent, socket } = outbox();
  box.maxFragmentBytes = 30_000;
  respond(2, 100_000);
  assert.deepEqual(frames(), [
    [2, "more", 30_000],
    [2, "more", 30_000],
    [2, "more", 30_000],
    [2, "last", 10_003],
  ]);
  assert.equal(sent.value, socket.sent.length);
});

test("large messages take turns, and small ones go ahead of the rest", () => {
  const { socket, box, respond, frames } = outbox();
  box.maxFragmentBytes = 64 * 1024;
  socket.takes = false;
  respond(2, 300_000);
  respond(3, 300_000);
  respond(4, 10);
  assert.deepEqual(
    frames().map(([tag]) => tag),
    [2, 2, 4],
    "as much as the socket holds, and the small one",
  );
  assert.ok(box.queuedBytes > 400_000);
  for (let turn = 0; turn < 10; turn++) {
    socket.drain();
    socket.takes = false;
    box.drained();
  }
  const order = frames().map(([tag]) => tag);
  assert.deepEqual(order.slice(3, 9), [2, 3, 2, 3, 2, 3]);
  assert.equal(box.queuedBytes, 0);
});

test("without fragments, and as an Rreq, a message goes whole", () => {
  const whole = outbox();
  whole.respond(2, 100_000);
  assert.deepEqual(whole.frames(), [[2, "last", 100_003]]);
  const old = outbox();
  old.box.maxFragmentBytes = 10;
  old.respond(2, 100_000, rreq);
  assert.deepEqual(old.frames(), [[2, "last", 100_001]]);
});

test("the rest of a dropped message is not sent", () => {
  const { socket, box, respond, frames } = outbox();
  box.maxFragmentBytes = 64 * 1024;
  socket.takes = false;
  respond(2, 300_000);
  respond(3, 300_000);
  assert.equal(box.drop(2), "rest");
  assert.equal(box.drop(3), "nothing");
  assert.equal(box.drop(4), null);
  assert.equal(box.queuedBytes, 0);
  socket.drain();
  box.drained();
  assert.deepEqual([...new Set(frames().map(([tag]) => tag))], [2]);
});
