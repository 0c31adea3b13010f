import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import {
  childLines,
  decodeTrace,
  encodeTrace,
  requestIdOf,
} from "../../../../../protocols/http/codec/traces/l5d.ts";
import { childOf, newTrace, sampledAt } from "../../../../../src/core/tracing/trace-id.ts";
import { seeded } from "../../../../support/random.ts";

/** Finagle's order: span, parent, trace, flags, and the upper half of a wide trace id. */
function wire(span: bigint, parent: bigint, trace: bigint, flags: bigint, high?: bigint): string {
  const words = [span, parent, trace, flags, ...(high === undefined ? [] : [high])];
  const bytes = Buffer.alloc(8 * words.length);
  words.forEach((word, i) => bytes.writeBigUInt64BE(word, 8 * i));
  return bytes.toString("base64");
}

const text = wire(0xdeadbeef_00000001n, 0x2n, 0xfedcba98_76543210n, 6n);

test("a trace id survives reading and writing, 64 and 128 bits", () => {
  const wide = wire(1n, 2n, 3n, 5n, 0x8000_0000_0000_0001n);
  for (const given of [text, wide]) {
    const trace = decodeTrace(given);
    assert.equal(trace === null ? null : encodeTrace(trace), given);
  }
});

test("the request id is the trace's lower 64 bits in 16 digits", () => {
  const trace = decodeTrace(text);
  assert.equal(trace === null ? null : requestIdOf(trace), "fedcba9876543210");
});

test("anything but base64 of 32 or 40 bytes is not a trace id", () => {
  const lengths = [31, 33, 36, 39, 41, 48].map((n) => Buffer.alloc(n).toString("base64"));
  for (const given of ["", "x", ...lengths, `${text}A`, text.replace(/^./, "*")]) {
    assert.equal(decodeTrace(given), null, given);
  }
});

test("a new trace is its own first span, and a child keeps the trace and names its parent", () => {
  const random = seeded(1);
  const trace = newTrace(random);
  const child = childOf(trace, random);
  assert.equal(trace.spanHigh, trace.traceHigh);
  assert.equal(trace.spanLow, trace.traceLow);
  assert.deepEqual([child.parentHigh, child.parentLow], [trace.spanHigh, trace.spanLow]);
  assert.deepEqual([child.traceHigh, child.traceLow], [trace.traceHigh, trace.traceLow]);
  assert.notDeepEqual([child.spanHigh, child.spanLow], [trace.spanHigh, trace.spanLow]);
  assert.notEqual(requestIdOf(newTrace(random)), requestIdOf(trace));
});

test("a sample rate decides once per trace, about as often as it says", () => {
  const random = seeded(2);
  let sampled = 0;
  for (let i = 0; i < 4000; i++) {
    const trace = newTrace(random);
    const decided = sampledAt(trace, 0.25, 99);
    assert.equal(decided.flags & 2, 2);
    assert.equal(sampledAt(childOf(trace, random), 0.25, 99).flags, decided.flags);
    assert.equal(sampledAt(decided, 1, 99).flags, decided.flags, "decided before");
    if ((decided.flags & 4) !== 0) sampled++;
  }
  assert.ok(sampled > 900 && sampled < 1100, `${sampled} of 4000`);
  assert.equal(sampledAt(newTrace(random), 0, 1).flags, 2);
  assert.equal(sampledAt(newTrace(random), 1, 1).flags, 6);
});

test("the lines of a span are its encoded trace and its request id, whatever its bits", () => {
  const random = seeded(7);
  for (let i = 0; i < 2_000; i++) {
    const flags = i % 5 === 0 ? i % 8 : 0;
    const wide = i % 7 === 0 ? ([-1, i] as const) : null;
    const trace = { ...newTrace(random), flags, wide };
    const seed = i + 1;
    const span = childOf(trace, seeded(seed));
    assert.equal(
      childLines(trace, seeded(seed)),
      `l5d-ctx-trace: ${encodeTrace(span)}\r\nl5d-reqid: ${requestIdOf(span)}\r\n`,
    );
  }
});

test("a span below a trace whose own span is not its trace names that span as its parent", () => {
  const trace = { ...newTrace(seeded(1)), spanHigh: -5, spanLow: 17 };
  const span = childOf(trace, seeded(2));
  assert.ok(childLines(trace, seeded(2)).includes(encodeTrace(span)));
});
