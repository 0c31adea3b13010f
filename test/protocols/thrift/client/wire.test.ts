// A connection to an endpoint: one call at a time, and no caller gets the response of another.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { failure } from "../../../../src/core/failure.ts";
import { dialDone, dialled, requestOf } from "../harness.ts";
import {
  callFrame,
  frameOf,
  onewayFrame,
  replyFrame,
  strict,
  textField,
  types,
} from "../messages.ts";

const latin1 = (bytes: Buffer): string => bytes.toString("latin1");

const get = (seqid = 1) => requestOf(callFrame("get", seqid));
const gone = failure("cancelled", "the caller went away");

test("the frame goes out unchanged, and the response comes back unchanged", async () => {
  const wire = dialled();
  const sent = wire.send(get());
  await dialDone();
  assert.equal(wire.socket.sent, latin1(callFrame("get", 1)));
  const response = replyFrame("get", 1, "it");
  for (const character of latin1(response)) wire.socket.receive(character);
  assert.equal(sent.end, "ok");
  assert.deepEqual(sent.response?.frame, response);
  assert.equal(sent.response.outcome, "reply");
  assert.equal(wire.pooled, 1);
});

test("results, declared exceptions and application exceptions are distinguished", async () => {
  const results: readonly [struct: string, type: number, outcome: string][] = [
    ["00", types.reply, "reply"],
    [textField(0, "x"), types.reply, "reply"],
    ["0c00010000", types.reply, "declared_exception"],
    [textField(1, "x"), types.exception, "application_exception"],
  ];
  for (const [struct, type, outcome] of results) {
    const wire = dialled();
    const sent = wire.send(get());
    await dialDone();
    wire.socket.receive(latin1(frameOf(strict(type, "get", 1, struct))));
    assert.equal(sent.response?.outcome, outcome);
  }
});

test("a one-way call is over when it is written; the next call may use the connection", async () => {
  const wire = dialled();
  const note = wire.send(requestOf(onewayFrame("note", 1)));
  await dialDone();
  assert.equal(note.end, "ok");
  assert.equal(note.response?.outcome, "oneway");
  assert.equal(wire.pooled, 1);
  const sent = wire.send(get(2));
  wire.socket.receive(latin1(replyFrame("get", 2)));
  assert.equal(sent.end, "ok");
});

test("one-way calls do not pile up before an endpoint that does not read", async () => {
  const wire = dialled();
  wire.socket.takes = false;
  const first = wire.send(requestOf(onewayFrame("note", 1)));
  await dialDone();
  assert.equal(first.end, "ok");
  const second = wire.send(requestOf(onewayFrame("note", 2)));
  assert.equal(second.end, null, "it waits for a connection");
  wire.socket.drain();
  assert.equal(second.end, "ok");
});

/** Answers that must not reach the caller of `get` with sequence id 1. */
const wrong: readonly [name: string, response: Buffer, reason: RegExp][] = [
  ["another sequence id", replyFrame("get", 2), /carries sequence id 2, and the call get had 1/],
  ["another name", replyFrame("put", 1), /is for put, and the call was get/],
  ["a call", callFrame("get", 1), /type 1, which is not a response/],
  ["no result", frameOf(strict(types.reply, "get", 1, "")), /ends before its result/],
  ["an empty frame", frameOf(), /the message is empty/],
  ["HTTP", Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n"), /1213486160 bytes, longer than/],
  ["no frame", strict(types.reply, "get", 1), /negative.*thriftFramed: false/],
];

for (const [name, response, reason] of wrong) {
  test(`a response with ${name} is a failure, and the connection is closed`, async () => {
    const wire = dialled();
    const sent = wire.send(get());
    await dialDone();
    wire.socket.receive(latin1(response));
    assert.ok(sent.end !== null && sent.end !== "ok");
    assert.equal(sent.end.kind, "malformed");
    assert.equal(sent.end.retry, "never");
    assert.match(sent.end.detail, reason);
    assert.equal(wire.isGone, true);
    assert.equal(sent.response, null);
  });
}

test("a response to a multiplexed call may leave out the service, and nothing else", async () => {
  for (const [answered, isTaken] of [
    ["Users:get", true],
    ["get", true],
    ["et", false],
    ["s:get", false],
    ["sers:get", false],
  ] as const) {
    const wire = dialled();
    const sent = wire.send(requestOf(callFrame("Users:get", 1)));
    await dialDone();
    wire.socket.receive(latin1(replyFrame(answered, 1)));
    assert.equal(sent.end === "ok", isTaken, answered);
  }
});

test("unsolicited bytes close the connection before another call gets them", async () => {
  const wire = dialled();
  const sent = wire.send(get());
  await dialDone();
  wire.socket.receive(latin1(Buffer.concat([replyFrame("get", 1), replyFrame("get", 1)])));
  assert.equal(sent.end, "ok");
  assert.equal(wire.isGone, true);
  const idle = dialled();
  void idle.send(get());
  await dialDone();
  idle.socket.receive(latin1(replyFrame("get", 1)));
  assert.equal(idle.isGone, false);
  idle.socket.receive("x");
  assert.equal(idle.isGone, true);
});

test("a late response to a cancelled call is dropped, and the connection is reused", async () => {
  const wire = dialled();
  const first = wire.send(get(1));
  await dialDone();
  first.cancel(gone);
  assert.equal(first.end, gone);
  const second = wire.send(get(2));
  assert.equal(second.end, null);
  wire.socket.receive(latin1(replyFrame("get", 1)));
  assert.equal(first.response, null);
  wire.socket.receive(latin1(replyFrame("get", 2)));
  assert.equal(second.end, "ok");
});

test("a cancelled call whose response does not come takes its connection along", async () => {
  const wire = dialled();
  const sent = wire.send(get());
  await dialDone();
  sent.cancel(gone);
  wire.clock.advance(900);
  assert.equal(wire.isGone, false);
  wire.clock.advance(200);
  assert.equal(wire.isGone, true);
});

test("a call that is cancelled before it has a connection is never sent", async () => {
  const wire = dialled();
  const sent = wire.send(get());
  sent.cancel(gone);
  await dialDone();
  assert.equal(wire.socket.sent, "");
  assert.equal(sent.end, gone);
});

test("an endpoint that hangs up fails the call, which is sent again only if it is idempotent", async () => {
  const wire = dialled();
  const sent = wire.send(get());
  await dialDone();
  wire.socket.emit("end");
  assert.ok(sent.end !== null && sent.end !== "ok");
  assert.deepEqual(
    [sent.end.kind, sent.end.retry, sent.end.detail],
    ["closed", "if-idempotent", "endpoint closed the connection before it responded"],
  );
});
