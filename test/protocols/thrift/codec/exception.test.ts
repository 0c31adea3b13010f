// Exceptions made by the proxy.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { exceptionFrame } from "../../../../protocols/thrift/codec/exception.ts";
import { lastScan, readEnvelope } from "../../../../protocols/thrift/codec/envelope.ts";
import { outcomeOf } from "../../../../protocols/thrift/codec/outcome.ts";

test("exceptions made by the proxy can be read back, in every form of envelope", () => {
  for (const envelopeForm of ["strict", "old", "compact"] as const) {
    const name = Buffer.from("mé");
    const frame = exceptionFrame({ envelopeForm, seqid: -3, name }, 6, "ü".repeat(20_000));
    assert.equal(readEnvelope(frame, 4, frame.length), null);
    const { type, seqid, nameAt, nameEnd } = lastScan;
    assert.deepEqual([lastScan.envelopeForm, type, seqid], [envelopeForm, 3, -3]);
    assert.deepEqual(frame.subarray(nameAt, nameEnd), name);
    assert.equal(outcomeOf(frame, frame.length), "application_exception");
    assert.ok(frame.length < 17_000, "a long text is cut");
  }
});
