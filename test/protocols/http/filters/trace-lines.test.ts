import assert from "node:assert/strict";
import { test } from "node:test";
import {
  childOf,
  encodeTrace,
  newTrace,
  requestIdOf,
} from "../../../../protocols/http/filters/trace-id.ts";
import { childLines } from "../../../../protocols/http/filters/trace-lines.ts";
import { seeded } from "../../../support/random.ts";

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
