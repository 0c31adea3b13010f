// Where a response says that a fault touched it: THeader and ResponseHeader, as they may come.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { withFault } from "../../../../protocols/thrift/codec/fault.ts";
import { FieldWriter } from "../../../../protocols/thrift/codec/struct-writer.ts";
import { readStruct } from "../../../../protocols/thrift/codec/struct-reader.ts";
import { readHeaderFrame } from "../../../../protocols/thrift/codec/theader.ts";
import { noTransportHeaders } from "../../../../protocols/thrift/message.ts";
import { readContext, writeContexts } from "../../../../protocols/thrift/ttwitter/headers.ts";
import type { RequestHeader } from "../../../../protocols/thrift/ttwitter/headers.ts";
import type { ThriftProtocol } from "../../../../protocols/thrift/codec/types.ts";
import { frameOf, strict, types } from "../messages.ts";

const message = strict(types.reply, "get", 7);
const fault = "delay 5, abort";

const upgrade: RequestHeader = {
  traceId: 1n,
  spanId: 2n,
  parentSpanId: null,
  sampled: null,
  clientId: null,
  flags: null,
  contexts: [],
  dest: null,
  delegations: [],
  traceIdHigh: null,
};

/** The contexts of a ResponseHeader, and the message behind it. */
function opened(protocol: ThriftProtocol, bytes: Buffer, start: number) {
  const contexts: [string, string][] = [];
  const header = readStruct(protocol, bytes, start, bytes.length, (reader) =>
    reader.struct((id) => {
      if (id !== 2) return false;
      reader.structs(() => {
        const { key, value } = readContext(reader);
        contexts.push([key, Buffer.from(value).toString()]);
      });
      return true;
    }),
  );
  if (typeof header === "string") return assert.fail(header);
  return { contexts, message: bytes.subarray(header.end) };
}

for (const protocol of ["binary", "compact"] as const) {
  for (const count of [0, 1, 14, 20]) {
    test(`a fault joins ${count} contexts of a ResponseHeader, ${protocol}`, () => {
      const own = Array.from({ length: count }, (_, i) => [`key ${i}`, `${i}`] as const);
      const writer = new FieldWriter(protocol);
      const entries = own.map(([key, value]) => ({ key, value: Buffer.from(value) }));
      if (count > 0) writeContexts(writer, 2, entries);
      const response = Buffer.concat([...writer.end(), message]);
      const wrapping = { header: null, upgrade };
      const expected = { contexts: [...own, ["l5d-fault", fault]], message };
      const framed = { transport: "framed", protocol } as const;
      const told = withFault(frameOf(response), fault, wrapping, framed);
      assert.equal(told.readInt32BE(0), told.length - 4);
      assert.deepEqual(opened(protocol, told, 4), expected);
      const unframed = withFault(response, fault, wrapping, { transport: "buffered", protocol });
      assert.deepEqual(opened(protocol, unframed, 0), expected);
    });
  }
}

test("a ResponseHeader whose contexts cannot be read is passed on unchanged", () => {
  // A list of structs whose text is longer than all that follows.
  const odd = frameOf("0f00020c000000010b00017fffffff", message);
  const wireFormat = { transport: "framed", protocol: "binary" } as const;
  assert.deepEqual(withFault(odd, fault, { header: null, upgrade }, wireFormat), odd);
});

test("a fault joins the fields of a THeader, padded or not; the message stays", () => {
  for (const [words, header] of [
    ["0001", "00000000"], // no fields, padded
    ["0002", "0000010101610162"], // a=b, not padded
    ["0003", "000001010161016209070503"], // and something that only others can read
  ]) {
    const frame = frameOf(`0fff000000000009${words}${header}`, message);
    const before = readHeaderFrame(frame);
    if (typeof before === "string") return assert.fail(before);
    const told = withFault(
      frame,
      fault,
      { header: before, upgrade: null },
      { transport: "header", protocol: "binary" },
    );
    const after = readHeaderFrame(told);
    if (typeof after === "string") return assert.fail(after);
    assert.equal(told.readInt32BE(0), told.length - 4);
    assert.deepEqual(new Map([...before.fields, ["l5d-fault", fault]]), after.fields);
    assert.equal(after.seqid, 9);
    assert.deepEqual(told.subarray(after.messageAt), message);
    assert.ok(told.includes(Buffer.from(String(header), "hex").subarray(2)));
  }
  return undefined;
});

test("a message alone has no place for a fault", () => {
  const frame = frameOf(message);
  assert.equal(
    withFault(frame, fault, noTransportHeaders, { transport: "framed", protocol: "binary" }),
    frame,
  );
});
