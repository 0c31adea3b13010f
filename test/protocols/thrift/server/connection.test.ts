// A caller's connection: order, limits, one-way calls, ends, and bytes that are no calls.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { failure } from "../../../../src/core/failure.ts";
import { exceptionFrame } from "../../../../protocols/thrift/codec/exception.ts";
import { readHeaderFrame } from "../../../../protocols/thrift/codec/theader.ts";
import type { WireFormat } from "../../../../protocols/thrift/message.ts";
import { serve } from "../harness.ts";
import type { SeenCall, Served } from "../harness.ts";
import {
  callFrame,
  exceptionIn,
  frameOf,
  onewayFrame,
  replyFrame,
  strict,
  textField,
  types,
} from "../messages.ts";

const text = (...buffers: readonly Buffer[]): string => Buffer.concat(buffers).toString("latin1");

function close(served: Served): void {
  served.socket.destroyed = true;
  served.socket.emit("close");
}

/** The end of this turn of the event loop, and of the next, which has read what had arrived. */
async function turns(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise(setImmediate);
}

test("calls go out immediately, and responses come back in the order of the calls", () => {
  const served = serve();
  const { socket, calls } = served;
  socket.receive(text(callFrame("a", 1), callFrame("b", 2), callFrame("c", 3)));
  assert.deepEqual(
    calls.map(({ request }) => [request.method, request.seqid, request.isOneway]),
    [
      ["a", 1, false],
      ["b", 2, false],
      ["c", 3, false],
    ],
  );
  calls[2]?.respond(replyFrame("c", 3));
  calls[1]?.respond(replyFrame("b", 2));
  assert.equal(socket.sent, "");
  calls[0]?.respond(replyFrame("a", 1, "first"));
  assert.equal(
    socket.sent,
    text(replyFrame("a", 1, "first"), replyFrame("b", 2), replyFrame("c", 3)),
  );
});

test("the buffer that came in is the buffer that goes out", () => {
  const { socket, calls } = serve();
  const frame = callFrame("echo", -7, "äöü");
  socket.receive(text(frame));
  assert.deepEqual(calls[0]?.request.frame, frame);
  const response = replyFrame("echo", -7, "äöü");
  calls[0]?.respond(response);
  assert.equal(socket.sent, text(response));
});

test("a one-way call gets no response, delays no other, and outlives its caller", () => {
  const served = serve();
  const { socket, calls, exchanges } = served;
  socket.receive(text(onewayFrame("note", 1), callFrame("a", 2), onewayFrame("note", 3)));
  calls[1]?.respond(replyFrame("a", 2));
  assert.equal(socket.sent, text(replyFrame("a", 2)));
  calls[0]?.fail(failure("unbound", "nobody is told"));
  close(served);
  assert.equal(calls[2]?.cancelled, null);
  assert.equal(served.isForgotten, false);
  calls[2]?.respond(Buffer.alloc(0));
  assert.equal(served.isForgotten, true);
  assert.equal(socket.sent, text(replyFrame("a", 2)));
  assert.equal(exchanges.length, 3);
});

test("a caller that goes away cancels its calls, once", () => {
  const served = serve();
  served.socket.receive(text(callFrame("a", 1), callFrame("b", 2)));
  close(served);
  assert.deepEqual(
    served.calls.map(({ cancelled }) => cancelled?.kind),
    ["cancelled", "cancelled"],
  );
  assert.equal(served.isForgotten, true);
  assert.equal(served.exchanges.length, 2);
});

test("no more calls are read than may be in progress; the rest follows when one has ended", () => {
  const { socket, calls } = serve({ limits: { maxPipelinedCalls: 2 } });
  socket.receive(text(callFrame("a", 1), callFrame("b", 2), callFrame("c", 3), callFrame("d", 4)));
  assert.equal(calls.length, 2);
  assert.equal(socket.isReading, false);
  calls[0]?.respond(replyFrame("a", 1));
  assert.equal(calls.length, 3);
  calls[1]?.respond(replyFrame("b", 2));
  assert.equal(calls.length, 4);
  assert.equal(socket.isReading, true);
});

test("calls and waiting responses hold about as many bytes as one frame may have; then reading pauses", () => {
  const frame = (seqid: number) => callFrame("a", seqid, "x".repeat(1_000));
  const { socket, calls } = serve({ wireFormat: { maxFrameBytes: 4_000 } });
  socket.receive(text(...[1, 2, 3, 4, 5, 6, 7, 8].map(frame)));
  assert.equal(calls.length, 4);
  calls[0]?.respond(replyFrame("a", 1));
  assert.equal(calls.length, 5);
  calls[2]?.respond(replyFrame("a", 3, "x".repeat(3_000))); // waits for the response to 2
  calls[1]?.respond(replyFrame("a", 2));
  assert.equal(calls.length, 7);
  for (const call of calls.slice(3)) call.respond(replyFrame("a", call.request.seqid));
  assert.equal(calls.length, 8);
});

test("a caller that does not read its responses is not read, and then cut off", () => {
  const served = serve({ response: ({ method, seqid }) => replyFrame(method, seqid) });
  const { socket, clock, calls } = served;
  socket.takes = false;
  socket.receive(text(callFrame("a", 1)));
  socket.link.flush(); // the turn ends
  socket.receive(text(callFrame("b", 2)));
  assert.equal(calls.length, 1);
  assert.equal(socket.isReading, false);
  clock.advance(900);
  socket.drain();
  assert.equal(calls.length, 2);
  socket.takes = false;
  socket.receive(text(callFrame("c", 3)));
  socket.link.flush();
  clock.advance(900);
  assert.equal(socket.destroyed, false);
  clock.advance(200);
  assert.equal(socket.destroyed, true);
});

test("a caller that has sent a FIN still gets its responses", () => {
  const { socket, calls } = serve();
  socket.receive(text(callFrame("a", 1), callFrame("b", 2)));
  socket.emit("end");
  assert.equal(socket.hasEnded, false);
  calls[1]?.respond(replyFrame("b", 2));
  calls[0]?.respond(replyFrame("a", 1));
  assert.equal(socket.sent, text(replyFrame("a", 1), replyFrame("b", 2)));
  assert.equal(socket.hasEnded, true);
});

test("a caller that has sent a FIN waits for its next response no longer than halfCloseGraceMs", () => {
  const { socket, calls, clock, exchanges } = serve();
  socket.receive(text(callFrame("a", 1), callFrame("b", 2)));
  clock.advance(10_000);
  socket.emit("end");
  clock.advance(900);
  calls[0]?.respond(replyFrame("a", 1));
  clock.advance(900);
  assert.equal(calls[1]?.cancelled, null, "a response came meanwhile");
  clock.advance(200);
  assert.equal((calls[1] as SeenCall).cancelled?.isAbandoned, true);
  assert.match(socket.sent, /no response began within 1000 ms \(halfCloseGraceMs\)/);
  assert.deepEqual(
    exchanges.map(({ status }) => status),
    ["reply", "cancelled"],
  );
  assert.equal(socket.hasEnded, true);
});

test("calls before a malformed one are cancelled, too, when their caller has sent a FIN", () => {
  const { socket, calls, clock } = serve();
  socket.receive(text(callFrame("a", 1), Buffer.from("ffffffff", "hex")));
  socket.emit("end");
  clock.advance(1_100);
  assert.equal(calls[0]?.cancelled?.isAbandoned, true);
  assert.equal(socket.hasEnded, true);
});

test("one-way calls of a caller that has sent a FIN are not cancelled", () => {
  const { socket, calls, clock } = serve();
  socket.receive(text(onewayFrame("note", 1)));
  socket.emit("end");
  clock.advance(30_000);
  assert.equal(calls[0]?.cancelled, null);
  calls[0]?.respond(Buffer.alloc(0));
  assert.equal(socket.hasEnded, true);
});

test("a connection that ends within a call is logged with the caller's address", () => {
  const { socket, events } = serve();
  socket.receive(text(callFrame("a", 1)).slice(0, 9));
  socket.emit("end");
  assert.equal(socket.hasEnded, true);
  assert.deepEqual(events, [
    {
      event: "bad-thrift-input",
      peer: "127.0.0.1:50000",
      reason: "the connection ended within a call, 9 bytes into it",
    },
  ]);
});

test("a call that stops arriving in the middle ends the connection, and the log says so", () => {
  const { socket, events, clock } = serve();
  socket.receive(text(callFrame("a", 1)).slice(0, 9));
  clock.advance(900);
  socket.receive(text(callFrame("a", 1)).slice(9, 12));
  clock.advance(900);
  assert.equal(socket.hasEnded, false);
  clock.advance(200);
  assert.equal(socket.hasEnded, true);
  assert.match(String(events[0]?.["reason"]), /did not arrive for 1000 ms/);
});

test("pending responses go out before a connection is closed for a call cut short", () => {
  for (const cutShort of ["stall", "end"] as const) {
    const { socket, calls, clock } = serve();
    socket.receive(text(callFrame("a", 1), callFrame("b", 2)).slice(0, -3));
    if (cutShort === "stall") clock.advance(5_000);
    else socket.emit("end");
    assert.equal(socket.hasEnded, false);
    calls[0]?.respond(replyFrame("a", 1));
    assert.equal(socket.sent, text(replyFrame("a", 1)));
    assert.equal(socket.hasEnded, true);
    assert.equal(calls.length, 1);
  }
});

test("an idle connection is closed after its time, one with a call in progress is not", () => {
  const { socket, clock, calls } = serve({ limits: { idleTimeMs: 500 } });
  socket.receive(text(callFrame("a", 1)));
  clock.advance(2_000);
  assert.equal(socket.hasEnded, false);
  calls[0]?.respond(replyFrame("a", 1));
  clock.advance(400);
  assert.equal(socket.hasEnded, false);
  clock.advance(200);
  assert.equal(socket.hasEnded, true);
});

test("an old connection is closed with the response in progress", async () => {
  const { socket, clock, calls } = serve({ limits: { lifeTimeMs: 500 } });
  clock.advance(400);
  socket.receive(text(callFrame("a", 1)));
  clock.advance(200);
  assert.equal(socket.hasEnded, false);
  calls[0]?.respond(replyFrame("a", 1));
  await turns();
  assert.equal(socket.hasEnded, true);
});

test("a draining connection that is idle waits a second for a call that may be on its way", async () => {
  const idle = serve();
  idle.connection.drain();
  idle.clock.advance(999);
  await turns();
  assert.equal(idle.socket.hasEnded, false);
  idle.clock.advance(1);
  await turns();
  assert.equal(idle.socket.hasEnded, true);
  const late = serve();
  late.connection.drain();
  late.clock.advance(999);
  late.socket.receive(text(callFrame("a", 1)));
  late.clock.advance(10_000);
  late.calls[0]?.respond(replyFrame("a", 1));
  await turns();
  assert.equal(late.socket.sent, text(replyFrame("a", 1)));
  assert.equal(late.socket.hasEnded, true, "the caller pauses between its calls");
});

test("a call that arrived while the event loop was late is read before its draining connection closes", async () => {
  const { socket, connection, clock, calls } = serve();
  connection.drain();
  clock.advance(1_000); // the loop has not read what arrived meanwhile
  socket.receive(text(callFrame("a", 1)));
  await turns();
  assert.equal(socket.hasEnded, false);
  calls[0]?.respond(replyFrame("a", 1));
  await turns();
  assert.equal(socket.sent, text(replyFrame("a", 1)));
});

test("the FIN of a draining connection follows its last response, and does not overtake a call read before it", async () => {
  const { socket, connection, clock, calls } = serve();
  connection.drain();
  clock.advance(500);
  socket.receive(text(callFrame("a", 1)));
  calls[0]?.respond(replyFrame("a", 1));
  socket.receive(text(callFrame("b", 2)));
  await turns();
  assert.equal(socket.hasEnded, false);
  calls[1]?.respond(replyFrame("b", 2));
  assert.equal(socket.sent, text(replyFrame("a", 1), replyFrame("b", 2)));
});

test("a draining connection serves a caller that does not pause until it does", async () => {
  const { socket, connection, clock, calls } = serve();
  socket.receive(text(callFrame("a", 1), callFrame("b", 2)).slice(0, -3));
  connection.drain();
  clock.advance(500);
  calls[0]?.respond(replyFrame("a", 1));
  assert.equal(socket.hasEnded, false, "half of b has come: it is waited for");
  clock.advance(1);
  socket.receive(text(callFrame("b", 2)).slice(-3));
  calls[1]?.respond(replyFrame("b", 2));
  for (let i = 2; i < 50; i++) {
    clock.advance(1);
    socket.receive(text(callFrame("c", i)));
    calls[i]?.respond(replyFrame("c", i));
    await turns(); // calls of one turn that take long together would wait
  }
  assert.equal(socket.hasEnded, false);
  clock.advance(10_000);
  await turns();
  assert.equal(socket.hasEnded, true);
});

test("a draining connection closes with a response, not between two calls that came together", async () => {
  const { socket, connection, clock, calls } = serve({
    response: ({ seqid }) => (seqid < 3 ? replyFrame("a", seqid) : null),
  });
  connection.drain();
  clock.advance(500);
  socket.receive(text(callFrame("a", 1), callFrame("a", 2)));
  await turns();
  assert.equal(socket.sent, text(replyFrame("a", 1), replyFrame("a", 2)));
  assert.equal(socket.hasEnded, false);
  clock.advance(49);
  socket.receive(text(callFrame("a", 3)));
  calls[2]?.respond(replyFrame("a", 3));
  await turns();
  assert.equal(socket.hasEnded, true);
});

test("one-way calls are no sign that the caller of a draining connection has paused", async () => {
  const { socket, connection, clock, calls } = serve();
  connection.drain();
  for (let i = 0; i < 5; i++) {
    clock.advance(999);
    socket.receive(text(onewayFrame("note", i)));
    calls[i]?.respond(Buffer.alloc(0));
  }
  await turns();
  assert.equal(socket.hasEnded, false);
  clock.advance(1_000);
  await turns();
  assert.equal(socket.hasEnded, true);
});

test("aborted calls get an exception each, in their order", () => {
  const { socket, connection, calls } = serve();
  socket.receive(text(callFrame("a", 1), callFrame("b", 2)));
  connection.drain();
  const why = failure("cancelled", "the proxy is shutting down");
  connection.abort(why);
  const { sent } = socket;
  const behindFirst = 4 + Buffer.from(sent, "latin1").readUInt32BE(0);
  const [first, second] = [sent.slice(0, behindFirst), sent.slice(behindFirst)];
  assert.deepEqual(exceptionIn(first), { name: "a", seqid: 1, type: 6, text: why.detail });
  assert.deepEqual(exceptionIn(second), { name: "b", seqid: 2, type: 6, text: why.detail });
  assert.deepEqual(
    calls.map(({ cancelled }) => cancelled),
    [why, why],
  );
  assert.equal(socket.hasEnded, true);
});

/** What is no call: the bytes, what the log says, and the exception that goes back, if one does. */
const hostile: readonly {
  readonly name: string;
  readonly bytes: Buffer;
  readonly reason: RegExp;
  readonly type: number | null;
  /** The caller knows of which call the refusal is: its connection serves on. */
  readonly servesOn?: true;
}[] = [
  {
    name: "a frame that is too long for anything",
    bytes: Buffer.concat([Buffer.from("00100001", "hex"), Buffer.from("no call at all")]),
    reason: /^a frame of 1048577 bytes is longer than the 1048576 that maxFrameKB allows$/,
    type: null,
  },
  {
    name: "a negative length",
    bytes: Buffer.from("ffffffff80010001", "hex"),
    reason: /negative \(-1\).*thriftFramed/,
    type: null,
  },
  {
    name: "a message without a frame",
    bytes: strict(types.call, "ping", 1),
    reason: /negative \(-2147418111\): the caller may not be framed \(thriftFramed: false\)/,
    type: null,
  },
  {
    name: "HTTP",
    bytes: Buffer.from("GET / HTTP/1.1\r\n\r\n"),
    reason: /1195725856 bytes.*the text "GET ": is it HTTP\?/,
    type: null,
  },
  {
    name: "TLS",
    bytes: Buffer.from("160301020001000100", "hex"),
    reason: /369295618 bytes.*are those of TLS/,
    type: null,
  },
  {
    name: "an empty frame",
    bytes: frameOf(),
    reason: /the message is empty/,
    type: null,
  },
  {
    name: "a reply",
    bytes: replyFrame("big", 9),
    reason: /a message of type 2 came, which is not a call/,
    type: 2,
    servesOn: true,
  },
  {
    name: "a type that there is not",
    bytes: frameOf(strict(5, "big", 9)),
    reason: /a message of type 5 came, which is not a call/,
    type: 2,
    servesOn: true,
  },
  {
    name: "a message without a body",
    bytes: frameOf(strict(types.call, "big", 9, "")),
    reason: /ends after its envelope/,
    type: 7,
    servesOn: true,
  },
];

test("a frame that is too long is refused immediately when it cannot be a call", () => {
  const head = Buffer.from("00100001", "hex");
  for (const bytes of [
    Buffer.from("GET / HTTP/1.1\r\n\r\n"),
    Buffer.concat([head, strict(types.call, "n".repeat(5_000), 9)]),
  ]) {
    const { socket } = serve();
    socket.receive(text(bytes));
    assert.equal(socket.hasEnded, true, bytes.toString("latin1", 0, 20));
  }
  const { socket } = serve();
  socket.receive(text(head));
  assert.equal(socket.hasEnded, false, "its name may come yet");
});

for (const { name, bytes, reason, type, servesOn = false } of hostile) {
  const then = servesOn ? "serves on" : "is closed";
  test(`${name} is logged, gets a response if it can, and the connection ${then}`, () => {
    for (let cut = 1; cut <= bytes.length; cut++) {
      const { socket, events, clock, calls } = serve();
      socket.receive(text(bytes.subarray(0, cut)));
      if (cut < bytes.length) socket.receive(text(bytes.subarray(cut)));
      clock.advance(1_000); // whoever leaves open what it was has no response
      assert.equal(events.length, 1, `cut at ${cut}`);
      const told = String(events[0]?.["reason"]);
      assert.equal(events[0]?.event, "bad-thrift-input");
      assert.equal(events[0]?.["peer"], "127.0.0.1:50000");
      assert.match(told, reason);
      if (type === null) assert.equal(socket.sent, "");
      else {
        const { text: said, ...exception } = exceptionIn(socket.sent);
        assert.deepEqual(exception, { name: "big", seqid: 9, type });
        assert.equal(said, told);
      }
      assert.equal(socket.hasEnded, !servesOn);
      socket.receive(text(callFrame("late", 1)));
      assert.equal(calls.length, servesOn ? 1 : 0);
    }
  });
}

test("calls before malformed bytes get their responses first", () => {
  const { socket, calls } = serve();
  socket.receive(text(callFrame("a", 1), replyFrame("b", 2)));
  assert.equal(socket.sent, "");
  calls[0]?.respond(replyFrame("a", 1));
  const first = text(replyFrame("a", 1));
  assert.ok(socket.sent.startsWith(first));
  assert.equal(exceptionIn(socket.sent.slice(first.length)).type, 2);
  assert.equal(socket.hasEnded, false);
});

/** A message in one of the transports, and the same made longer than a server takes. */
const tooLongIn: Readonly<
  Record<string, { wireFormat: Partial<WireFormat>; frame(message: Buffer): Buffer; at: number }>
> = {
  "a plain frame": { wireFormat: {}, frame: (message) => frameOf(message), at: 4 },
  "a THeader frame": {
    wireFormat: { transport: "header" },
    frame: (message) => frameOf("0fff000000000009000100000000", message),
    at: 18,
  },
};

for (const [name, { wireFormat, frame, at }] of Object.entries(tooLongIn)) {
  test(`${name} that is too long fails its call alone, however it is cut`, () => {
    const maxFrameBytes = 2_000;
    const big = Buffer.concat([strict(types.call, "big", 9, ""), Buffer.alloc(9_000)]);
    const note = Buffer.concat([strict(types.oneway, "note", 3, ""), Buffer.alloc(9_000)]);
    const get = strict(types.call, "get", 4, textField(1, "it"));
    const stream = text(frame(get), frame(big), frame(note), frame(get));
    for (const pieceBytes of [1, 7, 100, 4_096, 5_000, stream.length]) {
      const { socket, calls, events } = serve({ wireFormat: { ...wireFormat, maxFrameBytes } });
      for (let start = 0; start < stream.length; start += pieceBytes) {
        socket.receive(stream.slice(start, start + pieceBytes));
      }
      assert.equal(calls.length, 2);
      calls[0]?.respond(replyFrame("get", 4));
      const sent = Buffer.from(socket.sent, "latin1");
      const refusal = sent.subarray(sent.readInt32BE(0) + 4);
      assert.equal(refusal.readInt32BE(0), refusal.length - 4, "one response");
      const { text: said, ...exception } = exceptionIn(text(frameOf(refusal.subarray(at))));
      assert.deepEqual(exception, { name: "big", seqid: 9, type: 7 });
      assert.match(said, /longer than the 2000 that maxFrameKB allows/);
      assert.equal(socket.hasEnded, false);
      assert.equal(events.length, 1);
    }
  });
}

for (const [what, message] of [
  ["a name that is too long", strict(types.call, "n".repeat(3_000), 9, "")],
  ["an unknown type", strict(9, "big", 9, "")],
] as const) {
  test(`a frame that is too long, with ${what}, fails its call alone`, () => {
    const { socket, calls } = serve({ wireFormat: { maxFrameBytes: 6_000 } });
    socket.receive(text(frameOf(Buffer.concat([message, Buffer.alloc(9_000)]))));
    assert.equal(exceptionIn(socket.sent).seqid, 9);
    socket.receive(text(callFrame("get", 4)));
    assert.equal(calls.length, 1);
    assert.equal(socket.hasEnded, false);
  });
}

test("a call that is refused ends alone: calls before and after it get their responses in order", () => {
  const { socket, calls, events } = serve();
  const oneway = frameOf(strict(types.oneway, "note", 3, ""));
  const noBody = frameOf(strict(types.call, "bad", 2, ""));
  socket.receive(text(callFrame("a", 1), noBody, oneway, noBody, callFrame("b", 4)));
  calls[1]?.respond(replyFrame("b", 4));
  assert.equal(socket.sent, "");
  calls[0]?.respond(replyFrame("a", 1));
  const refusal = exceptionFrame(
    { envelopeForm: "strict", seqid: 2, name: Buffer.from("bad") },
    7,
    "not a Thrift message: the message ends after its envelope",
  );
  assert.equal(socket.sent, text(replyFrame("a", 1), refusal, refusal, replyFrame("b", 4)));
  assert.equal(events.length, 1, "one line for each connection");
});

test("a compressed THeader message is refused by its sequence id, and the connection serves on", () => {
  const { socket, calls } = serve({ wireFormat: { transport: "header" } });
  const compressed = frameOf("0fff0000000000090001000100", "01", "ffff");
  socket.receive(text(compressed, callFrame("a", 1)));
  const frame = readHeaderFrame(Buffer.from(socket.sent, "latin1"));
  assert.equal(typeof frame === "object" && frame.seqid, 9);
  assert.equal(calls.length, 1);
});

test("an upgraded call that is refused gets its exception behind a header, and the next is served", () => {
  const { socket, calls } = serve();
  socket.receive(text(callFrame("__can__finagle__trace__v3__", 0)));
  socket.sent = "";
  const noBody = strict(types.call, "bad", 2, "");
  socket.receive(text(frameOf("00", noBody), frameOf("00", strict(types.call, "a", 3, "00"))));
  assert.equal(socket.sent.charCodeAt(4), 0, "an empty ResponseHeader");
  const behind = Buffer.from(socket.sent, "latin1").subarray(5);
  assert.equal(exceptionIn(text(frameOf(behind))).seqid, 2);
  assert.equal(calls.length, 1);
});

test("a call in the other protocol is refused in its own", () => {
  const { socket, events } = serve({ wireFormat: { protocol: "compact" } });
  socket.receive(text(callFrame("big", 9)));
  assert.equal(exceptionIn(socket.sent).type, 9);
  assert.match(
    String(events[0]?.["reason"]),
    /came in the binary protocol, and thriftProtocol of this router is compact/,
  );
});

test("a framed caller at a buffered server is logged as such immediately", () => {
  const bytes = callFrame("echo", 1);
  for (let cut = 1; cut <= bytes.length; cut++) {
    const { socket, events } = serve({ wireFormat: { transport: "buffered" } });
    socket.receive(text(bytes.subarray(0, cut)));
    if (cut < bytes.length) socket.receive(text(bytes.subarray(cut)));
    assert.match(String(events[0]?.["reason"]), /may be framed \(thriftFramed: true\)$/);
    assert.equal(socket.hasEnded, true);
  }
});

test("failures become exceptions of the call, old-style for callers that are", () => {
  const { socket, calls } = serve();
  socket.receive(text(callFrame("find", -2), frameOf("0000000470696e67010000000100")));
  calls[0]?.fail(failure("timeout", "too slow"));
  const first = { name: "find", seqid: -2, type: 6, text: "too slow" };
  assert.deepEqual(exceptionIn(socket.sent), first);
  socket.sent = "";
  calls[1]?.fail(failure("timeout", "slow"));
  const struct = `${textField(1, "slow").slice(0, -2)}0800020000000600`;
  assert.equal(socket.sent, text(frameOf(`0000000470696e670300000001${struct}`)));
});
