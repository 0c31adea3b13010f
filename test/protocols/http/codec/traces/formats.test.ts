// Trace headers of Zipkin and W3C, one value at a time.
import assert from "node:assert/strict";
import { test } from "node:test";
import { b3Multi, b3Single } from "../../../../../protocols/http/codec/traces/b3.ts";
import type { TraceFormat } from "../../../../../protocols/http/codec/traces/format.ts";
import { w3c } from "../../../../../protocols/http/codec/traces/w3c.ts";
import {
  childOf,
  decisionOf,
  newTrace,
  parentText,
  spanText,
  traceText,
} from "../../../../../src/core/tracing/trace-id.ts";
import { asObject } from "../../messages.ts";
import { seeded } from "../../../../support/random.ts";

type Given = Readonly<Record<string, string | string[]>>;

/** A text such as "trace-span-parent sampled", for a line of a table. */
function read(format: TraceFormat, given: Given): string {
  const values = new Map(Object.entries(given).map(([name, value]) => [name, [value].flat()]));
  const received = format.read(values);
  if (received === null || received === "malformed") return received ?? "absent";
  const decision = String(decisionOf("span" in received ? received.span : received));
  if (!("span" in received)) return `decision alone: ${decision}`;
  const { span } = received;
  return `${traceText(span)} ${spanText(span)} ${parentText(span) ?? "root"} ${decision}`;
}

const t64 = "00f067aa0ba902b7";
const t128 = "4bf92f3577b34da6a3ce929d0e0e4736";
const s = "e457b5a2e4d86bd1";
const p = "05e3ac9a4f6e3b90";

const cases: readonly (readonly [TraceFormat, Given, string])[] = [
  [b3Single, { b3: `${t128}-${s}-1-${p}` }, `${t128} ${s} ${p} true`],
  [b3Single, { b3: `${t64}-${s}` }, `${t64} ${s} root null`],
  [b3Single, { b3: `${t64}-${s}-0` }, `${t64} ${s} root false`],
  [b3Single, { b3: `${t64}-${s}-d` }, `${t64} ${s} root true`],
  [b3Single, { b3: `${t64.toUpperCase()}-${s}` }, `${t64} ${s} root null`],
  [b3Single, { b3: "0" }, "decision alone: false"],
  [b3Single, { b3: "d" }, "decision alone: true"],
  [b3Single, { b3: `0000000000000000${t64}-${s}-1` }, `${t64} ${s} root true`],
  [
    b3Single,
    { b3: `${t64}-${s}-1`, "x-b3-traceid": t128, "x-b3-spanid": p },
    `${t64} ${s} root true`,
  ],
  [b3Single, { b3: "" }, "malformed"],
  [b3Single, { b3: `${t64}` }, "malformed"],
  [b3Single, { b3: `${t64}-${s}-2` }, "malformed"],
  [b3Single, { b3: `${t64}-${s}-1-${p}-${p}` }, "malformed"],
  [b3Single, { b3: `0000000000000000-${s}-1` }, "malformed"],
  [b3Single, { b3: `${t64}-0000000000000000-1` }, "malformed"],
  [b3Single, { b3: [`${t64}-${s}-1`, `${t64}-${p}-1`] }, "malformed"],
  [b3Single, { b3: `${t128}0-${s}-1` }, "malformed"],
  [b3Single, { b3: "a".repeat(60_000) }, "malformed"],
  [b3Multi, {}, "absent"],
  [b3Multi, { "x-b3-traceid": t128, "x-b3-spanid": s }, `${t128} ${s} root null`],
  [
    b3Multi,
    { "x-b3-traceid": t64, "x-b3-spanid": s, "x-b3-parentspanid": p, "x-b3-sampled": "1" },
    `${t64} ${s} ${p} true`,
  ],
  [
    b3Multi,
    { "x-b3-traceid": "7b", "x-b3-spanid": "1c8", "x-b3-sampled": "false" },
    "000000000000007b 00000000000001c8 root false",
  ],
  [b3Multi, { "x-b3-traceid": t64, "x-b3-spanid": s, "x-b3-flags": "1" }, `${t64} ${s} root true`],
  [
    b3Multi,
    { "x-b3-traceid": t64, "x-b3-spanid": s, "x-b3-flags": "6", "x-b3-sampled": "0" },
    `${t64} ${s} root false`,
  ],
  [b3Multi, { "x-b3-sampled": "0" }, "decision alone: false"],
  [b3Multi, { "x-b3-traceid": t64 }, "malformed"],
  [b3Multi, { "x-b3-spanid": s }, "malformed"],
  [b3Multi, { "x-b3-traceid": t64, "x-b3-spanid": "x" }, "malformed"],
  [b3Multi, { "x-b3-traceid": t64, "x-b3-spanid": s, "x-b3-parentspanid": "-" }, "malformed"],
  [b3Multi, { "x-b3-traceid": t64, "x-b3-spanid": s, "x-b3-sampled": "maybe" }, "malformed"],
  [w3c, {}, "absent"],
  [w3c, { tracestate: "a=1" }, "absent"],
  [w3c, { traceparent: `00-${t128}-${s}-01` }, `${t128} ${s} root true`],
  [w3c, { traceparent: `00-${t128}-${s}-00` }, `${t128} ${s} root false`],
  [w3c, { traceparent: `cc-${t128}-${s}-01-what-the-future-brings` }, `${t128} ${s} root true`],
  [w3c, { traceparent: `00-${t128}-${s}-01-more` }, "malformed"],
  [w3c, { traceparent: `ff-${t128}-${s}-01` }, "malformed"],
  [w3c, { traceparent: `00-${t128.toUpperCase()}-${s}-01` }, "malformed"],
  [w3c, { traceparent: `00-${"0".repeat(32)}-${s}-01` }, "malformed"],
  [w3c, { traceparent: `00-${t128}-${"0".repeat(16)}-01` }, "malformed"],
  [w3c, { traceparent: [`00-${t128}-${s}-01`, `00-${t128}-${p}-01`] }, "malformed"],
  [w3c, { traceparent: `cc-${t128}-${s}-01-${"x".repeat(60_000)}` }, "malformed"],
];

for (const [format, given, expected] of cases) {
  const shown = JSON.stringify(given).slice(0, 120);
  test(`read as "${expected}": ${shown}`, () => assert.equal(read(format, given), expected));
}

/** What an endpoint gets for a child of the span that was read. */
function written(format: TraceFormat, given: Given): Record<string, string> {
  const values = new Map(Object.entries(given).map(([name, value]) => [name, [value].flat()]));
  const received = format.read(values);
  assert.ok(received !== null && received !== "malformed" && "span" in received);
  return asObject(format.lines(childOf(received.span, seeded(1))));
}

test("a span is written with its parent and decision, in the length that the caller used", () => {
  const child = /^[0-9a-f]{16}$/;
  const { b3 = "" } = written(b3Single, { b3: `${t64}-${s}-1` });
  assert.match(b3, new RegExp(`^${t64}-[0-9a-f]{16}-1-${s}$`));
  const parts = written(b3Multi, { b3: `${t128}-${s}-d` });
  assert.match(parts["x-b3-spanid"] ?? "", child);
  delete parts["x-b3-spanid"];
  assert.deepEqual(parts, {
    "x-b3-traceid": t128,
    "x-b3-parentspanid": s,
    "x-b3-sampled": "1",
    "x-b3-flags": "1",
  });
  assert.deepEqual(Object.keys(written(b3Multi, { b3: `${t64}-${s}` })), [
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-parentspanid",
  ]);
});

test("a root has no parent to write", () => {
  const root = newTrace(seeded(3));
  assert.equal(asObject(b3Multi.lines(root))["x-b3-parentspanid"], undefined);
});

test("W3C: a 64-bit trace has zeros in front; the random flag stays, unknown flags do not", () => {
  const root = newTrace(seeded(3));
  assert.equal(
    asObject(w3c.lines(root))["traceparent"],
    `00-0000000000000000${traceText(root)}-${spanText(root)}-00`,
  );
  const { traceparent = "" } = written(w3c, { traceparent: `00-${t128}-${s}-ff` });
  assert.match(traceparent, new RegExp(`^00-${t128}-[0-9a-f]{16}-03$`));
});

const parent = `00-${t128}-${s}-01`;
const stateFor = (...tracestate: string[]) =>
  written(w3c, { traceparent: parent, tracestate })["tracestate"];

test("tracestate: several fields are one list, spaces and empty entries are left out", () => {
  assert.equal(
    stateFor("rojo=00f0,, congo=t61 ", "\tvendor@system=a b"),
    "rojo=00f0,congo=t61,vendor@system=a b",
  );
  assert.equal(stateFor(""), undefined);
});

test("tracestate: what cannot be read is dropped, and the trace goes on", () => {
  for (const bad of ["no value", "=x", "UPPER=x", "a=1,b", `a=${"x".repeat(257)}`, "a=\u00e9"]) {
    assert.equal(stateFor(bad), undefined, bad);
  }
  assert.equal(stateFor(Array.from({ length: 33 }, (_, i) => `k${i}=1`).join(",")), undefined);
  assert.equal(stateFor("k=1,".repeat(200_000)), undefined);
});

test("tracestate: at most 512 characters are passed on, without the long entries, from the beginning", () => {
  const long = `long=${"x".repeat(200)}`;
  const shorts = Array.from(
    { length: 20 },
    (_, i) => `k${String(i).padStart(2, "0")}=${"y".repeat(26)}`,
  );
  const passed = stateFor([long, ...shorts].join(",")) ?? "";
  assert.deepEqual(passed.split(","), shorts.slice(0, 16));
  assert.ok(passed.length <= 512 && passed.length > 480);
});
