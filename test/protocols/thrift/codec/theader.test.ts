// THeader frames, and walks over messages that are not framed.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import {
  inHeaderFrame,
  isHeaderFrame,
  readHeaderFrame,
} from "../../../../protocols/thrift/codec/theader.ts";
import { UnframedReader } from "../../../../protocols/thrift/codec/unframed-reader.ts";
import { Skipper } from "../../../../protocols/thrift/codec/skipper.ts";
import { failure } from "../../../../src/core/failure.ts";
import { dialDone, dialled, serve } from "../harness.ts";
import { callFrame, exceptionIn, frameOf, strict, textField, types } from "../messages.ts";

/** Magic, flags, sequence id, words; then the header padded to words, then the message. */
function headerFrame(header: string, message: Uint8Array, seqid = "00000009"): Buffer {
  const padded = header.padEnd(Math.ceil(header.length / 8) * 8, "0");
  const words = (padded.length / 8).toString(16).padStart(4, "0");
  return frameOf(`0fff0000${seqid}${words}${padded}`, message);
}

const call = strict(types.call, "get", 7, textField(1, "it"));
/** Binary, no transforms, one block of key-values: a=b, cd=ef. */
const fields = "0000010201610162026364026566";

test("the fields of a frame are read, and where its message begins", () => {
  const frame = headerFrame(fields, call);
  assert.equal(isHeaderFrame(frame), true);
  const header = readHeaderFrame(frame);
  assert.ok(typeof header !== "string");
  assert.deepEqual(
    [...header.fields],
    [
      ["a", "b"],
      ["cd", "ef"],
    ],
  );
  assert.deepEqual([header.seqid, header.isCompact, header.isTransformed], [9, false, false]);
  assert.deepEqual(frame.subarray(header.messageAt), call);
  assert.equal(isHeaderFrame(callFrame("get", 1)), false);
});

test("a header that is cut off anywhere is refused, and nothing is read beyond it", () => {
  const whole = headerFrame(fields, call);
  for (let length = 4; length < whole.length; length++) {
    const cut = Buffer.from(whole.subarray(0, length));
    const header = readHeaderFrame(cut);
    if (typeof header !== "string") assert.ok(header.messageAt <= length);
  }
  for (const header of ["0100", "05", "000001ffffffff0f", "00000101ffffff7f"]) {
    assert.equal(typeof readHeaderFrame(headerFrame(header, Buffer.alloc(0))), "string", header);
  }
});

test("a response of the proxy's own is in a frame like the caller's", () => {
  const header = readHeaderFrame(headerFrame("0200", call));
  assert.ok(typeof header !== "string");
  const frame = inHeaderFrame(frameOf(call), header);
  const read = readHeaderFrame(frame);
  assert.ok(typeof read !== "string");
  assert.deepEqual([read.seqid, read.isCompact, read.fields.size], [9, true, 0]);
  assert.deepEqual(frame.subarray(read.messageAt), call);
});

test("a THeader call goes through as it is; failures come back in a THeader frame", async () => {
  const served = serve({ wireFormat: { transport: "header" } });
  const frame = headerFrame(fields, call);
  served.socket.receive(frame.toString("latin1"));
  const [seen] = served.calls;
  assert.deepEqual(seen?.request.frame, frame);
  assert.equal(seen.request.transportHeaders.header?.fields.get("cd"), "ef");
  seen.fail(failure("timeout", "slow"));
  const response = Buffer.from(served.socket.sent, "latin1");
  const header = readHeaderFrame(response);
  assert.ok(typeof header !== "string");
  assert.equal(header.seqid, 9);
  const exception = exceptionIn(frameOf(response.subarray(header.messageAt)).toString("latin1"));
  assert.deepEqual([exception.name, exception.seqid], ["get", 7]);

  const wire = dialled({ transport: "header" });
  const sent = wire.send(seen.request);
  await dialDone();
  assert.equal(wire.socket.sent, frame.toString("latin1"));
  const reply = headerFrame(fields, strict(types.reply, "get", 7, textField(0, "is")));
  wire.socket.receive(reply.toString("latin1"));
  assert.equal(sent.end, "ok");
  assert.deepEqual(sent.response?.frame, reply);
  assert.equal(sent.response.isHeaderFrame, true);
});

test("a compressed message is refused with the type that says so", () => {
  const { socket, events } = serve({ wireFormat: { transport: "header" } });
  socket.receive(headerFrame("000101", Buffer.from("789c", "hex")).toString("latin1"));
  const response = Buffer.from(socket.sent, "latin1");
  const header = readHeaderFrame(response);
  assert.ok(typeof header !== "string");
  const { seqid, type, text } = exceptionIn(
    frameOf(response.subarray(header.messageAt)).toString("latin1"),
  );
  assert.deepEqual([seqid, type], [9, 8]);
  assert.match(text, /transforms off/);
  assert.equal(events.length, 1);
  assert.equal(socket.hasEnded, false);
});

/** A message whose arguments are what is told: no stop behind them. */
const message = (struct: string): Buffer => strict(types.call, "m", 1, struct);

function walked(bytes: Buffer, maxBytes = 1_000_000): string | null {
  const skipper = new Skipper();
  skipper.beginMessage(maxBytes);
  skipper.push(bytes, 0, bytes.length);
  return skipper.problem ?? (skipper.isDone ? "done" : null);
}

test("nesting is walked to its limit and not further", () => {
  const nested = (depth: number) => `${"0c0001".repeat(depth)}${"00".repeat(depth + 1)}`;
  assert.equal(walked(message(nested(63))), "done");
  assert.match(walked(message(nested(64))) ?? "", /nested deeper than 64/);
  const lists = Buffer.from(`8221010161${"19".repeat(200)}`, "hex");
  assert.match(walked(lists) ?? "", /nested deeper than 64/);
});

test("what is announced beyond the limit is refused before it comes", () => {
  for (const struct of [
    "0b00017fffffff",
    "0f0001087fffffff",
    "0d00010b0b7fffffff",
    "0e0001027fffffff",
  ]) {
    assert.match(walked(message(struct), 1_000) ?? "", /announces 2147483647 more/, struct);
  }
  assert.match(walked(message("0b0001ffffffff")) ?? "", /negative/);
  assert.match(walked(message("070001")) ?? "", /no type 7/);
});

test("a cutter tells what had come of bytes that are no message", () => {
  const told: string[] = [];
  const cutter = new UnframedReader(1_000, {
    frame: () => true,
    notMessage: (reason, begun) =>
      void told.push(`${reason}: ${Buffer.from(begun).toString("hex")}`),
    noMemory: () => assert.fail("no memory"),
  });
  const bytes = message("070001");
  for (let at = 0; at < bytes.length; at++) cutter.push(bytes, at, at + 1);
  assert.deepEqual(told, [`there is no type 7: ${bytes.toString("hex")}`]);
  assert.equal(cutter.push(bytes, 0, bytes.length), bytes.length, "the rest is swallowed");
});
