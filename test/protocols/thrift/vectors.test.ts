// Every vector of test/vectors/thrift.json: envelopes, ends of messages, TTwitter headers, errors.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { lastScan, readEnvelope } from "../../../protocols/thrift/codec/envelope.ts";
import { outcomeOf } from "../../../protocols/thrift/codec/outcome.ts";
import { readStruct } from "../../../protocols/thrift/codec/struct-reader.ts";
import { UnframedReader } from "../../../protocols/thrift/codec/unframed-reader.ts";
import {
  readRequestHeader,
  writeRequestHeader,
} from "../../../protocols/thrift/ttwitter/headers.ts";
import type { RequestHeader } from "../../../protocols/thrift/ttwitter/headers.ts";
import type { ThriftProtocol } from "../../../protocols/thrift/codec/types.ts";
import { Framer } from "../../../src/net/framer.ts";

interface Message {
  readonly name: string;
  readonly type: "CALL" | "REPLY" | "EXCEPTION" | "ONEWAY";
  readonly seqid: number;
  readonly fields: readonly { readonly id: number }[];
}

interface Decoded {
  readonly protocol?: "binary" | "binary-old" | "compact";
  readonly message?: Message;
  readonly messages?: readonly Message[];
  readonly requestHeader?: Readonly<Record<string, unknown>>;
  readonly responseHeader?: unknown;
  readonly headerHex?: string;
  readonly multiplexed?: { readonly service: string; readonly method: string };
  readonly error?: string;
}

interface Vector {
  readonly name: string;
  readonly hex: string;
  readonly decoded: Decoded;
}

const file = new URL("../../../../test/vectors/thrift.json", import.meta.url);
const { vectors, total } = JSON.parse(readFileSync(file, "utf8")) as {
  readonly vectors: readonly Vector[];
  readonly total: number;
};

const dialects = { binary: "strict", "binary-old": "old", compact: "compact" } as const;
const typeNames = ["", "CALL", "REPLY", "EXCEPTION", "ONEWAY"];

/** The frames of some bytes, cut in two at `cut`; the lengths of those that were too long. */
function framesOf(bytes: Buffer, cut: number) {
  const frames: Buffer[] = [];
  const tooLong: number[] = [];
  const framer = new Framer(10_240 * 1024, {
    frame: (frame) => frames.push(frame) > 0,
    tooLong: (length) => void tooLong.push(length),
  });
  framer.push(bytes.subarray(0, cut), 0, cut);
  framer.push(bytes.subarray(cut), 0, bytes.length - cut);
  return { frames, tooLong, heldBytes: framer.heldBytes };
}

function assertMessage(payload: Buffer, { protocol }: Decoded, message: Message): void {
  assert.equal(readEnvelope(payload, 0, payload.length), null);
  assert.ok(protocol !== undefined);
  assert.equal(lastScan.envelopeForm, dialects[protocol]);
  assert.equal(typeNames[lastScan.type], message.type);
  assert.equal(payload.toString("utf8", lastScan.nameAt, lastScan.nameEnd), message.name);
  assert.equal(lastScan.seqid, message.seqid);
  const first = message.fields[0]?.id;
  const byResult = first === undefined || first === 0 ? "reply" : "declared_exception";
  const expected = message.type === "EXCEPTION" ? "application_exception" : byResult;
  assert.equal(outcomeOf(payload, payload.length), expected);
}

/** Where a frame's message begins: behind a header, if there is one. */
function messageStart(payload: Buffer, decoded: Decoded): number {
  const protocol: ThriftProtocol = decoded.protocol === "compact" ? "compact" : "binary";
  if (decoded.requestHeader !== undefined) {
    const header = readRequestHeader(protocol, payload, 0, payload.length);
    if (typeof header === "string") assert.fail(header);
    assertRequestHeader(header.value, decoded.requestHeader);
    const written = Buffer.concat(writeRequestHeader(protocol, header.value));
    assert.equal(written.toString("hex"), decoded.headerHex);
    return header.end;
  }
  if (decoded.responseHeader !== undefined) {
    const header = readStruct(protocol, payload, 0, payload.length, (reader) =>
      reader.struct(() => false),
    );
    if (typeof header === "string") assert.fail(header);
    assert.equal(payload.toString("hex", 0, header.end), decoded.headerHex);
    return header.end;
  }
  return 0;
}

/** As the vectors write it: only what was sent, 64-bit numbers as text, values in hex. */
function assertRequestHeader(header: RequestHeader, expected: Readonly<Record<string, unknown>>) {
  const { traceId, spanId, parentSpanId, sampled, clientId, flags, contexts } = header;
  const seen: Record<string, unknown> = { trace_id: `${traceId}`, span_id: `${spanId}` };
  if (parentSpanId !== null) seen["parent_span_id"] = `${parentSpanId}`;
  if (sampled !== null) seen["sampled"] = sampled;
  if (clientId !== null) seen["client_id"] = { name: clientId };
  if (flags !== null) seen["flags"] = `${flags}`;
  if (contexts.length > 0) {
    seen["contexts"] = contexts.map(({ key, value }) => [key, Buffer.from(value).toString("hex")]);
  }
  if (header.dest !== null) seen["dest"] = header.dest;
  if (header.delegations.length > 0) seen["delegations"] = header.delegations;
  if (header.traceIdHigh !== null) seen["trace_id_high"] = `${header.traceIdHigh}`;
  assert.deepEqual(seen, expected);
}

function assertRead(bytes: Buffer, decoded: Decoded): void {
  const messages = decoded.messages ?? (decoded.message === undefined ? [] : [decoded.message]);
  assert.ok(messages.length > 0);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const { frames, heldBytes } = framesOf(bytes, cut);
    assert.deepEqual([frames.length, heldBytes], [messages.length, 0], `cut at ${cut}`);
    if (cut > 0) continue; // the frames are the same ones
    for (const [i, frame] of frames.entries()) {
      const payload = frame.subarray(4);
      assertMessage(
        payload.subarray(messageStart(payload, decoded)),
        decoded,
        messages[i] as Message,
      );
    }
  }
}

/** Without their lengths, messages end where they end: also when they come in two pieces. */
function assertCut(bytes: Buffer, decoded: Decoded): void {
  const { frames } = framesOf(bytes, 0);
  const stream = Buffer.concat(frames.map((frame) => frame.subarray(4)));
  for (let cut = 0; cut <= stream.length; cut++) {
    const seen: Buffer[] = [];
    const cutter = new UnframedReader(10_240 * 1024, {
      frame: (frame) => seen.push(frame) > 0,
      notMessage: (reason) => assert.fail(reason),
      noMemory: () => assert.fail("no memory"),
    });
    const hasHeader = decoded.requestHeader !== undefined || decoded.responseHeader !== undefined;
    if (hasHeader) cutter.headerProtocol = decoded.protocol === "compact" ? "compact" : "binary";
    cutter.push(stream.subarray(0, cut), 0, cut);
    cutter.push(stream.subarray(cut), 0, stream.length - cut);
    assert.deepEqual(seen, frames, `cut at ${cut}`);
    assert.equal(cutter.heldBytes, 0);
  }
}

/** By the file's own words for what is wrong. */
const errors: Readonly<Record<string, (bytes: Buffer) => void>> = {
  "bad version": (bytes) => assertNoEnvelope(bytes, /80020001.*not a version/),
  "negative name length": (bytes) => assertNoEnvelope(bytes, /negative \(-5\)/),
  "truncated header": (bytes) => assertNoEnvelope(bytes, /ends within its header/),
  "empty frame": (bytes) => assertNoEnvelope(bytes, /empty/),
  "bad compact protocol id (0x83)": (bytes) => assertNoEnvelope(bytes, /83210104.*not a version/),
  "truncated name": (bytes) => assertNoEnvelope(bytes, /ends within its header/),
  "negative frame length": (bytes) => assert.deepEqual(framesOf(bytes, 0).tooLong, [-1]),
  "incomplete frame (wait for more bytes)": (bytes) => {
    const { frames, tooLong, heldBytes } = framesOf(bytes, 7);
    assert.deepEqual([frames, tooLong, heldBytes], [[], [], bytes.length]);
  },
};

function assertNoEnvelope(bytes: Buffer, problem: RegExp): void {
  for (let cut = 0; cut <= bytes.length; cut++) {
    const { frames } = framesOf(bytes, cut);
    const [frame] = frames;
    assert.ok(frame !== undefined && frames.length === 1);
    assert.match(readEnvelope(frame, 4, frame.length) ?? "read", problem);
  }
}

/** By the first part of a vector's name. */
const runners: Readonly<Record<string, (bytes: Buffer, decoded: Decoded) => void>> = {
  binary: readAndCut,
  compact: readAndCut,
  "binary-old": readAndCut,
  error(bytes, { error }) {
    const run = errors[error ?? ""];
    assert.ok(run, `nobody knows the error "${error}"`);
    run(bytes);
  },
};

function readAndCut(bytes: Buffer, decoded: Decoded): void {
  assertRead(bytes, decoded);
  assertCut(bytes, decoded);
}

test("the file is whole", () => assert.equal(vectors.length, total));

for (const { name, hex, decoded } of vectors) {
  test(`vector ${name}`, () => {
    const run = runners[name.split("/")[0] ?? ""];
    assert.ok(run, `nobody knows the kind of ${name}`);
    run(Buffer.from(hex, "hex"), decoded);
  });
}
