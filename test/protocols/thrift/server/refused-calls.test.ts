// Calls that the proxy does not serve in frames that it can read: each ends alone, in every form.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { exceptionFrame } from "../../../../protocols/thrift/codec/exception.ts";
import type { ExceptionType } from "../../../../protocols/thrift/codec/exception.ts";
import type { EnvelopeForm } from "../../../../protocols/thrift/codec/envelope.ts";
import type { WireFormat } from "../../../../protocols/thrift/message.ts";
import { serve } from "../harness.ts";
import { frameOf, strict, types } from "../messages.ts";

interface Form {
  readonly wireFormat: Partial<WireFormat>;
  readonly envelopeForm: EnvelopeForm;
  /** A message with an empty struct. */
  message(type: number, name: string, seqid: number): Buffer;
  /** The message as it is sent. */
  carried(message: Uint8Array): Buffer;
  /** No message has this type. */
  readonly unknownType: number;
}

/** The name's length, the name, the type, the sequence id. */
function old(type: number, name: string, seqid: number): Buffer {
  const numbers = Buffer.alloc(9);
  numbers.writeInt32BE(name.length, 0);
  numbers.writeInt32BE(seqid, 5);
  numbers[4] = type;
  return Buffer.concat([
    numbers.subarray(0, 4),
    Buffer.from(name),
    numbers.subarray(4),
    Buffer.of(0),
  ]);
}

/** Names of up to 16,383 bytes, and sequence ids of up to 127. */
function compact(type: number, name: string, seqid: number): Buffer {
  const length = [(name.length & 0x7f) | 0x80, name.length >> 7];
  const head = Buffer.from([0x82, (type << 5) | 1, seqid, ...length]);
  return Buffer.concat([head, Buffer.from(name), Buffer.of(0)]);
}

const framedBinary: Form = {
  wireFormat: {},
  envelopeForm: "strict",
  message: strict,
  carried: (message) => frameOf(message),
  unknownType: 9,
};
const framedCompact: Form = {
  ...framedBinary,
  wireFormat: { protocol: "compact" },
  envelopeForm: "compact",
  message: compact,
  unknownType: 5, // three bits
};

const forms: Readonly<Record<string, Form>> = {
  "framed binary": framedBinary,
  "framed binary of the old kind": { ...framedBinary, envelopeForm: "old", message: old },
  "binary without frames": {
    ...framedBinary,
    wireFormat: { transport: "buffered" },
    carried: (message) => Buffer.from(message),
  },
  "framed compact": framedCompact,
  "binary in THeader": {
    ...framedBinary,
    wireFormat: { transport: "header" },
    carried: (message) => frameOf("0fff000000000009000100000000", message),
  },
  "compact in THeader": {
    ...framedCompact,
    wireFormat: { transport: "header" },
    carried: (message) => frameOf("0fff000000000009000102000000", message),
  },
};

const longName = "n".repeat(1_025);
const tooLong = "not a Thrift message: its name has 1025 bytes, more than the 1024 that are read";
const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");

for (const [title, form] of Object.entries(forms)) {
  const { wireFormat, envelopeForm, message, carried, unknownType } = form;
  const sent = (type: number, name: string, seqid: number) =>
    latin1(carried(message(type, name, seqid)));
  const refusal = (name: string, type: ExceptionType, reason: string) => {
    const call = { envelopeForm, seqid: 9, name: Buffer.from(name) };
    return latin1(carried(exceptionFrame(call, type, reason).subarray(4)));
  };

  test(`${title}: a call whose name is too long ends alone`, () => {
    const { socket, calls, events } = serve({ wireFormat });
    socket.receive(sent(types.call, longName, 9) + sent(types.call, "good", 3));
    assert.equal(calls[0]?.request.method, "good");
    assert.equal(socket.sent, refusal(longName, 7, tooLong));
    assert.equal(socket.hasEnded, false);
    assert.deepEqual(
      events.map(({ reason }) => reason),
      [tooLong],
    );
  });

  test(`${title}: a message whose type is unknown ends alone`, () => {
    const { socket, calls } = serve({ wireFormat });
    socket.receive(sent(unknownType, "odd", 9) + sent(types.call, "good", 3));
    assert.equal(calls[0]?.request.method, "good");
    const reason = `a message of type ${unknownType} came, which is not a call`;
    assert.equal(socket.sent, refusal("odd", 2, reason));
    assert.equal(socket.hasEnded, false);
  });

  test(`${title}: a one-way call whose name is too long gets no response`, () => {
    const { socket, calls } = serve({ wireFormat });
    socket.receive(sent(types.oneway, longName, 9) + sent(types.call, "good", 3));
    assert.equal(calls[0]?.request.method, "good");
    assert.equal(socket.sent, "");
    assert.equal(socket.hasEnded, false);
  });
}

test("an upgraded call whose name is too long ends alone, and its exception has a header", () => {
  const { socket, calls } = serve();
  socket.receive(latin1(frameOf(strict(types.call, "__can__finagle__trace__v3__", 0))));
  socket.sent = "";
  const [bad, good] = [strict(types.call, longName, 9), strict(types.call, "good", 3)];
  socket.receive(latin1(frameOf("00", bad)) + latin1(frameOf("00", good)));
  assert.equal(calls[0]?.request.method, "good");
  const call = { envelopeForm: "strict", seqid: 9, name: Buffer.from(longName) } as const;
  assert.equal(socket.sent, latin1(frameOf("00", exceptionFrame(call, 7, tooLong).subarray(4))));
});

test("the exception to a call with an enormous name repeats 64 KiB of it", () => {
  const { socket, calls } = serve();
  const bad = strict(types.call, "n".repeat(500_000), 9);
  socket.receive(latin1(frameOf(bad)) + latin1(frameOf(strict(types.call, "good", 3))));
  assert.equal(calls[0]?.request.method, "good");
  const call = { envelopeForm: "strict", seqid: 9, name: Buffer.alloc(65_536, "n") } as const;
  const reason = tooLong.replace("1025", "500000");
  assert.equal(socket.sent, latin1(exceptionFrame(call, 7, reason)));
});
