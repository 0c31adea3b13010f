// The router's key `tracePropagator`: which fields are taken from a request and written to the endpoint.
import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeTrace, encodeTrace } from "../../../../protocols/http/codec/traces/l5d.ts";
import type { Fields } from "../../../../protocols/http/codec/passthrough-fields.ts";
import { propagation } from "../../../../protocols/http/filters/propagation.ts";
import {
  childOf,
  decisionOf,
  newTrace,
  spanText,
  traceText,
} from "../../../../src/core/tracing/trace-id.ts";
import { seeded } from "../../../support/random.ts";
import { asObject, request } from "../messages.ts";

type Config = Parameters<typeof propagation>[0];

const l5d = { kind: "io.l5d.default" } as const;
const zipkin = { kind: "io.l5d.zipkin", singleHeader: false } as const;
const w3c = { kind: "io.l5d.w3c" } as const;

/** What a router with this propagator makes of a request: the server's span, what passes, what is written. */
function pass(config: Config, fields: Fields, context: string | null = null) {
  const ignored = { value: 0 };
  const traces = propagation(config, { random: seeded(5), ignored });
  const asked = request({ fields });
  const server = traces.read(asked, context);
  const out = asObject(traces.write(server));
  return { server, out, passed: asked.fields.list, ignored: ignored.value };
}

const caller = { ...newTrace(seeded(9)), wide: [1, 2] as const, flags: 6 };
const [trace, span] = [traceText(caller), spanText(caller)];
const b3 = ["X-B3-TraceId", trace, "X-B3-SpanId", span, "X-B3-Sampled", "1"];
const parent = ["TraceParent", `00-${trace}-${span}-01`, "tracestate", "a=1"];

test("by default only l5d-ctx-trace is a trace: the headers of others pass through untouched", () => {
  const fields = ["accept", "*/*", ...b3, ...parent];
  const { server, out, passed } = pass(l5d, [...fields]);
  assert.deepEqual(passed, fields);
  assert.notEqual(traceText(server), trace);
  assert.deepEqual(Object.keys(out), ["l5d-ctx-trace", "l5d-reqid"]);
});

test("io.l5d.zipkin continues B3, removes Linkerd's header, and leaves W3C's alone", () => {
  const { server, out, passed } = pass(
    zipkin,
    ["a", "1", ...b3, "b", "2", ...parent],
    encodeTrace(newTrace(seeded(1))),
  );
  assert.deepEqual(passed, ["a", "1", "b", "2", ...parent]);
  assert.equal(traceText(server), trace);
  assert.deepEqual(Object.keys(out), [
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-parentspanid",
    "x-b3-sampled",
  ]);
  assert.equal(
    out["x-b3-parentspanid"],
    spanText(server),
    "the attempt is below the server's span",
  );
  assert.notEqual(spanText(server), span, "which is below the caller's");
});

test("io.l5d.zipkin reads the single header as well, and writes it if asked", () => {
  const { out } = pass({ ...zipkin, singleHeader: true }, ["b3", `${trace}-${span}-0`]);
  assert.match(out["b3"] ?? "", new RegExp(`^${trace}-[0-9a-f]{16}-0-[0-9a-f]{16}$`));
});

test("io.l5d.w3c continues traceparent with its tracestate", () => {
  const { out, passed } = pass(w3c, ["a", "1", ...parent]);
  assert.deepEqual(passed, ["a", "1"]);
  assert.match(out["traceparent"] ?? "", new RegExp(`^00-${trace}-[0-9a-f]{16}-01$`));
  assert.equal(out["tracestate"], "a=1");
});

test("a trace that begins with io.l5d.w3c has 128 bits, a Linkerd one 64", () => {
  assert.equal(traceText(pass(w3c, []).server).length, 32);
  assert.equal(traceText(pass(l5d, []).server).length, 16);
});

test("io.l5d.formats takes the first format that a request has, and writes all of its list", () => {
  const config: Config = {
    kind: "io.l5d.formats",
    read: ["w3c", "b3", "l5d"],
    write: ["l5d", "w3c", "b3"],
  };
  const other = newTrace(seeded(2));
  const { server, out, passed } = pass(config, [...b3], encodeTrace(other));
  assert.equal(traceText(server), trace);
  assert.deepEqual(passed, []);
  assert.deepEqual(Object.keys(out), ["l5d-ctx-trace", "l5d-reqid", "traceparent", "b3"]);
  const sent = decodeTrace(out["l5d-ctx-trace"] ?? "");
  assert.ok(sent !== null && traceText(sent) === trace);
  assert.match(out["traceparent"] ?? "", new RegExp(spanText(sent)), "one span in all of them");
  assert.equal(traceText(pass(config, [], encodeTrace(other)).server), traceText(other));
});

test("a format that is written but not read replaces what the caller sent in it", () => {
  const config: Config = { kind: "io.l5d.formats", read: ["l5d"], write: ["w3c"] };
  const { server, out, passed } = pass(config, [...parent]);
  assert.deepEqual(passed, []);
  assert.notEqual(traceText(server), trace);
  assert.match(out["traceparent"] ?? "", new RegExp(traceText(server)));
});

test("a decision without a trace applies to the trace that begins here", () => {
  assert.equal(decisionOf(pass(zipkin, ["b3", "0"]).server), false);
  assert.equal(pass(zipkin, ["x-b3-sampled", "1"]).out["x-b3-sampled"], "1");
});

test("values that cannot be read are counted, and the next format is tried", () => {
  assert.equal(pass(l5d, [], "garbage").ignored, 1);
  assert.equal(pass(w3c, ["traceparent", "garbage"]).ignored, 1);
  assert.equal(pass(zipkin, []).ignored, 0);
  const config: Config = { kind: "io.l5d.formats", read: ["w3c", "b3"], write: ["w3c"] };
  const { server, ignored } = pass(config, ["traceparent", "x".repeat(50_000), ...b3]);
  assert.equal(ignored, 1);
  assert.equal(traceText(server), trace);
});

test("what a caller that is not trusted sent in the router's formats is removed", () => {
  const traces = propagation(zipkin, { random: seeded(1), ignored: { value: 0 } });
  const asked = request({ fields: [...b3, "accept", "*/*", ...parent] });
  traces.clear(asked);
  assert.deepEqual(asked.fields.list, ["accept", "*/*", ...parent]);
});

test("all 64 bits of Finagle's flags pass", () => {
  const rated = {
    ...childOf(newTrace(seeded(1)), seeded(2)),
    flags: 0x4000_0006 | 0,
    flagsHigh: 5,
  };
  for (const flags of [rated.flags, 0]) {
    const sent = { ...rated, flags };
    const out = decodeTrace(pass(l5d, [], encodeTrace(sent)).out["l5d-ctx-trace"] ?? "");
    assert.deepEqual([out?.flagsHigh, out?.flags], [5, flags]);
  }
});
