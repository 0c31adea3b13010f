// Names, verdicts, metrics, log lines and error texts of Thrift calls.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { lineMaker } from "../../../protocols/thrift/access-log.ts";
import { classifiers, serverClassifier } from "../../../protocols/thrift/classifiers.ts";
import { exceptionFrame } from "../../../protocols/thrift/codec/exception.ts";
import { lastScan, readEnvelope } from "../../../protocols/thrift/codec/envelope.ts";
import { outcomeOf } from "../../../protocols/thrift/codec/outcome.ts";
import type {
  CompletedCall,
  ThriftRequest,
  ThriftResponse,
} from "../../../protocols/thrift/message.ts";
import { failureRenderer } from "../../../protocols/thrift/failures.ts";
import { identifiers } from "../../../protocols/thrift/identifiers.ts";
import { failure } from "../../../src/core/failure.ts";
import type { FailureKind } from "../../../src/core/failure.ts";
import { pathLiteral } from "../../../src/core/names/path.ts";
import { simulatedClock } from "../../support/clock.ts";
import { serve } from "./harness.ts";
import { callFrame, frameOf } from "./messages.ts";

const prefix = pathLiteral("/svc");

interface Named {
  readonly method?: string;
  readonly dest?: string;
  readonly isNamedByMethod?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request with what identifiers look at. */
function named({ method = "ping", dest = "/", isNamedByMethod = false, headers }: Named) {
  const fields = new Map(Object.entries(headers ?? {}));
  const header = headers === undefined ? null : { fields };
  return {
    method,
    dest: pathLiteral(dest),
    isNamedByMethod,
    transportHeaders: { header },
  } as never;
}

function identify(kind: string, request: Named, config: object = {}): string {
  const plugin = identifiers.find((each) => each.kind === kind);
  assert.ok(plugin);
  const name = plugin.create({ kind, ...config } as never, { prefix })(named(request));
  return typeof name === "string" ? name : name.unidentified;
}

test("names are made of dest, service and method, as Linkerd makes them", () => {
  const table: readonly [method: string, dest: string, plain: string, byMethod: string][] = [
    ["ping", "/", "/svc", "/svc/ping"],
    ["Calc:add", "/", "/svc/Calc", "/svc/Calc/add"],
    ["get", "/users", "/svc/users", "/svc/users/get"],
    ["Calc:add", "/users/eu", "/svc/users/eu/Calc", "/svc/users/eu/Calc/add"],
    ["a:b:c", "/", "/svc", "/svc/a:b:c"],
    ["com.example.Calc:add", "/", "/svc/com.example.Calc", "/svc/com.example.Calc/add"],
    ["a/b:c/d", "/", "/svc/a/b", "/svc/a/b/c/d"],
    ["Calc:", "/", "/svc", "/svc/Calc:"],
    [":add", "/", "/svc", "/svc/:add"],
    ["", "/", "/svc", "/svc"],
    ["mé", "/", "/svc", "/svc/\\x6d\\xc3\\xa9"],
  ];
  for (const [method, dest, plain, byMethod] of table) {
    assert.equal(identify("io.l5d.thrift", { method, dest }), plain, method);
    const request = { method, dest, isNamedByMethod: true };
    assert.equal(identify("io.l5d.thrift", request), byMethod, method);
  }
});

test("a header names a call by a path, or by one segment", () => {
  const by = (headers: Readonly<Record<string, string>>, config: object) =>
    identify("io.l5d.thrift.header", { headers }, config);
  assert.equal(by({ service: "/users/eu" }, { header: "service" }), "/svc/users/eu");
  assert.equal(by({ service: "users" }, { header: "service" }), "/svc/users");
  assert.equal(by({ service: "a b" }, { header: "service" }), "/svc/\\x61\\x20\\x62");
  assert.match(by({ other: "users" }, { header: "service" }), /has no header service/);
  assert.match(by({ service: "/a//b" }, { header: "service" }), /header service is not a path/);
  assert.match(identify("io.l5d.thrift.header", {}, { header: "x" }), /has no header x/);
});

test("verdicts are what the kinds say", () => {
  const outcomes = ["reply", "oneway", "declared_exception", "application_exception"] as const;
  const expected: Readonly<Record<string, readonly string[]>> = {
    "io.l5d.thrift.applicationExceptionsAreFailures": ["success", "success", "success", "failure"],
    "io.l5d.thrift.exceptionsAreFailures": ["success", "success", "failure", "failure"],
    "io.l5d.thrift.retryableApplicationExceptions": ["success", "success", "success", "retryable"],
    "io.l5d.thrift.allSuccessful": ["success", "success", "success", "success"],
  };
  for (const plugin of classifiers) {
    const classify = plugin.create({ kind: plugin.kind } as never, undefined);
    const of = (outcome: string) =>
      classify({} as ThriftRequest, { outcome } as ThriftResponse, null);
    assert.deepEqual(outcomes.map(of), expected[plugin.kind]);
    const isRetried = plugin.kind.includes("retryable");
    const lost = isRetried ? "retryable" : "failure";
    assert.equal(classify({} as ThriftRequest, null, failure("closed", "")), lost);
    assert.equal(classify({} as ThriftRequest, null, failure("exhausted", "")), "failure");
    assert.equal(classify({} as ThriftRequest, null, failure("cancelled", "")), "ignorable");
    const final = { outcome: "application_exception", isFinal: true } as ThriftResponse;
    assert.notEqual(classify({} as ThriftRequest, final, null), "retryable");
  }
  const marked = { outcome: "declared_exception", verdict: "failure" } as ThriftResponse;
  assert.equal(serverClassifier({} as ThriftRequest, marked, null), "failure");
});

function requestOf(frame: Buffer): ThriftRequest {
  const { socket, calls } = serve();
  socket.receive(frame.toString("latin1"));
  const [call] = calls;
  assert.ok(call);
  call.fail(failure("cancelled", ""));
  call.request.logicalName = pathLiteral("/svc/users");
  return call.request;
}

const kinds: readonly FailureKind[] = [
  "unidentified",
  "unbound",
  "unresolved",
  "exhausted",
  "limited",
  "connect",
  "timeout",
  "closed",
  "malformed",
  "cancelled",
];

test("every failure has a type and a text; strangers learn no internal names", () => {
  const request = requestOf(callFrame("get", 1));
  const detail = "10.0.0.1:80 is secret";
  for (const kind of kinds) {
    const why = { ...failure(kind, detail), trace: "/svc/users\n/secret" };
    const open = failureRenderer({ label: "r", errorDetail: "full" }, false)(why, request);
    assert.equal(open.type, kind === "unidentified" || kind === "unbound" ? 1 : 6);
    assert.match(open.text, /"get" \(\/svc\/users\)/);
    assert.ok(open.text.includes(detail) && open.text.includes("  /secret"));
    for (const [errorDetail, clears] of [
      ["none", false],
      ["full", true],
    ] as const) {
      const { text } = failureRenderer({ label: "r", errorDetail }, clears)(why, request);
      assert.ok(!text.includes("secret"), text);
      assert.match(text, /"get" \(\/svc\/users\)/);
    }
  }
});

test("exceptions of our own are messages that our own reader reads, in every envelopeForm", () => {
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

test("the log has one line a call, of ASCII, whatever the method is called", () => {
  const request = requestOf(frameOf("80010001000000066d22c3a90a2f0000000700"));
  request.endpoint = { host: "::1", port: 80, weight: 1 };
  const exchange: CompletedCall = {
    request,
    status: "reply",
    response: null,
    sentBytes: 33,
    receivedBytes: 41,
    startedMs: 1,
    endedMs: 1.8714,
    failure: null,
  };
  const clock = simulatedClock();
  assert.equal(
    lineMaker("common", clock)(exchange),
    '2024-01-01T00:00:00.000Z 127.0.0.1:50000 /svc/users "m\\"\\u00e9\\u000a/" reply 41 33 0.871 [::1]:80\n',
  );
  const failed = { ...exchange, status: "error" as const, failure: failure("connect", "no") };
  assert.match(lineMaker("common", clock)(failed), / error:connect 41 33 /);
  const line = lineMaker("json", clock)(failed);
  assert.match(line, /^[\x20-\x7e]+\n$/);
  assert.deepEqual(JSON.parse(line), {
    time: "2024-01-01T00:00:00.000Z",
    remote: "127.0.0.1:50000",
    method: 'm"é\n/',
    oneway: false,
    seqid: 7,
    status: "error",
    durationMs: 0.871,
    receivedBytes: 41,
    sentBytes: 33,
    path: "/svc/users",
    client: null,
    endpoint: "[::1]:80",
    failure: "connect",
    detail: "no",
    fault: null,
  });
});
