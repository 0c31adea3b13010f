import assert from "node:assert/strict";
import { test } from "node:test";
import { accessLogSource } from "../../../protocols/http/access-log.ts";
import { jsonLines } from "../../../src/access-log/access-log.ts";
import { newTrace } from "../../../src/core/tracing/trace-id.ts";
import type { CompletedCall } from "../../../protocols/http/message.ts";
import { failure } from "../../../src/core/failure.ts";
import { pathLiteral } from "../../../src/core/names/path.ts";
import { simulatedClock } from "../../support/clock.ts";
import { seeded } from "../../support/random.ts";
import { boundTo, peer, request, response } from "./messages.ts";

const clock = simulatedClock(new Date(2024, 0, 31, 23, 59, 58).getTime());

function exchange(parts: Partial<CompletedCall> = {}): CompletedCall {
  const asked = request({ fields: ["Referer", "http://a/", "USER-AGENT", "curl/8 (x)"] });
  return {
    request: asked,
    host: (parts.request === undefined ? asked : parts.request)?.receivedHost ?? null,
    target: "/a?b=c",
    rawStartLine: "",
    status: 200,
    response: response(),
    sentBytes: 64,
    receivedBytes: 3,
    startedMs: 10,
    endedMs: 12.3456,
    failure: null,
    peer,
    ...parts,
  };
}

const common = accessLogSource.commonLine(clock);
const jsonText = jsonLines(accessLogSource, "outgoing", clock);
const json = (given: CompletedCall): Record<string, unknown> =>
  JSON.parse(jsonText(given)) as Record<string, unknown>;

test("the common line is Linkerd's", () => {
  assert.match(
    common(exchange()),
    /^web 127\.0\.0\.1 - - \[31\/01\/2024:23:59:58 [+-]\d{4}\] "GET \/a\?b=c HTTP\/1\.1" 200 64 "http:\/\/a\/" "curl\/8 \(x\)"\n$/,
  );
});

test("missing values are dashes", () => {
  const line = common(exchange({ request: request({ host: null }), status: 0, sentBytes: 0 }));
  assert.match(line, /^- 127\.0\.0\.1 - - \[.*\] "GET \/a\?b=c HTTP\/1\.1" - - "-" "-"\n$/);
});

test("bytes that never became a request are logged as far as they were read", () => {
  const refused = exchange({
    request: null,
    target: "",
    rawStartLine: "GE T /\u0000 x",
    status: 400,
    response: null,
  });
  assert.match(common(refused), /^- 127\.0\.0\.1 - - \[.*\] "GE T \/\\x00 x" 400 64 "-" "-"\n$/);
  assert.equal(json(refused)["target"], "GE T /\u0000 x");
  assert.match(common(exchange({ request: null, rawStartLine: "" })), /"-" 200/);
});

test("no bytes sent by a caller can end a field or a line", () => {
  const hostile = exchange({
    request: request({
      method: 'G"ET',
      host: "a b\t\r\n",
      fields: ["Referer", '" 200 1 "\\', "User-Agent", "\u0000\u001b[2J\u007f\u0085\u00e9\u2028"],
    }),
    target: '/x" 200\r\n1.2.3.4 - - "',
  });
  const line = common(hostile);
  assert.match(line, /^[\x20-\x7e]+\n$/);
  assert.ok(line.startsWith("a\\x20b\\x09\\x0d\\x0a 127.0.0.1 - - ["), line);
  assert.ok(line.includes('"G\\"ET /x\\" 200\\x0d\\x0a1.2.3.4 - - \\" HTTP/1.1" 200 64 '), line);
  assert.ok(line.endsWith('"\\" 200 1 \\"\\\\" "\\x00\\x1b[2J\\x7f\\x85\\xe9\\u2028"\n'), line);
  assert.match(jsonText(hostile), /^[\x20-\x7e]+\n$/);
  assert.equal(json(hostile)["target"], '/x" 200\r\n1.2.3.4 - - "');
  assert.equal(json(hostile)["userAgent"], "\u0000\u001b[2J\u007f\u0085\u00e9\u2028");
});

test("a line of JSON says what was requested, where it went and how it ended", () => {
  const asked = request({
    logicalName: pathLiteral("/svc/web"),
    bound: boundTo("/#/io.l5d.fs/web"),
    endpoint: { host: "10.0.0.7", port: 80, weight: 1 },
    hop: {
      trace: { ...newTrace(seeded(1)), traceHigh: 1, traceLow: 2 },
      deadline: null,
      deadlineMs: Infinity,
      dtab: null,
      passOn: null,
      maxForwards: null,
    },
  });
  const why = failure("closed", "hung up");
  const answer = response({ context: ["l5d-err", "told"] });
  assert.deepEqual(json(exchange({ request: asked, failure: why, response: answer })), {
    time: new Date(clock.wallMs()).toISOString(),
    protocol: "http",
    router: "outgoing",
    remote: "127.0.0.1:53422",
    identity: null,
    host: "web",
    method: "GET",
    target: "/a?b=c",
    version: "1.1",
    status: 200,
    outcome: "failure",
    durationMs: 2.346,
    receivedBytes: 3,
    sentBytes: 64,
    path: "/svc/web",
    client: "/#/io.l5d.fs/web",
    endpoint: "10.0.0.7:80",
    traceId: "0000000100000002",
    requestId: "0000000100000002",
    failure: "closed",
    detail: "hung up",
    fault: null,
    l5dErr: "told",
    referer: null,
    userAgent: null,
  });
});

test("the time moves on with the clock", () => {
  const moving = simulatedClock(new Date(2024, 0, 1, 0, 0, 0).getTime());
  const lineOf = accessLogSource.commonLine(moving);
  assert.match(lineOf(exchange()), /\[01\/01\/2024:00:00:00 /);
  moving.advance(999);
  assert.match(lineOf(exchange()), /\[01\/01\/2024:00:00:00 /);
  moving.advance(1);
  assert.match(lineOf(exchange()), /\[01\/01\/2024:00:00:01 /);
});
