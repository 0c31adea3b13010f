import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { refusal } from "../../../protocols/http/codec/refusal.ts";
import { failureRenderer, formEncoded, statusOf } from "../../../protocols/http/failures.ts";
import type { FailureOptions } from "../../../protocols/http/failures.ts";
import type { HttpRequest } from "../../../protocols/http/message.ts";
import { failure } from "../../../src/core/failure.ts";
import type { Failure, FailureKind } from "../../../src/core/failure.ts";
import { parseDtab } from "../../../src/core/names/dtab.ts";
import { pathLiteral } from "../../../src/core/names/path.ts";
import type { PeerInfo } from "../../../src/net/peer-info.ts";
import { asObject, boundTo, peer, request, stranger } from "./messages.ts";

const options: FailureOptions = {
  label: "outgoing",
  timeoutStatus: 503,
  errorDetail: "local",
  maxHeadersBytes: 8192,
  maxErrResponseBytes: 1 << 20,
};

function rendered(
  why: Failure,
  asked: HttpRequest | null = request(),
  { caller = peer, own = {} }: { caller?: PeerInfo; own?: Partial<FailureOptions> } = {},
) {
  const response = failureRenderer({ ...options, ...own }, false)(why, asked, caller);
  const fields = asObject(response.fields);
  return { ...response, fields, text: Buffer.from(response.body).toString() };
}

const kinds: Readonly<Record<FailureKind, number>> = {
  unidentified: 400,
  forbidden: 403,
  unbound: 502,
  unresolved: 502,
  exhausted: 502,
  limited: 429,
  connect: 502,
  timeout: 503,
  closed: 502,
  malformed: 502,
  cancelled: 503,
};

test("each kind has its status, and every response explains itself in l5d-err and in plain text", () => {
  for (const [kind, status] of Object.entries(kinds)) {
    const response = rendered(failure(kind as FailureKind, "the detail"));
    assert.equal(response.status, status, kind);
    assert.notEqual(response.reason, "Unknown");
    assert.equal(response.fields["Content-Type"], "text/plain; charset=utf-8");
    assert.match(response.fields["l5d-err"] ?? "", /the\+detail$/, kind);
    assert.match(response.text, /the detail\n\n[^]+\n$/, kind);
  }
});

test("a failure that may be retried later says when, and is not marked for an immediate retry", () => {
  const limited = rendered({ ...failure("limited", "x", "safe"), retryAfterMs: 1_200 });
  assert.deepEqual([limited.status, limited.reason], [429, "Too Many Requests"]);
  assert.equal(limited.fields["Retry-After"], "2");
  assert.equal(limited.fields["l5d-retryable"], undefined);
  const shed = rendered({ ...failure("exhausted", "x", "safe"), retryAfterMs: 0 });
  assert.deepEqual([shed.status, shed.fields["Retry-After"]], [503, "0"]);
  assert.equal(shed.fields["l5d-retryable"], "true");
});

test("a call that took too long is 504 when the configuration says so", () => {
  assert.equal(statusOf(failure("timeout", ""), 504), 504);
  assert.equal(statusOf(failure("connect", ""), 504), 502);
  assert.equal(
    rendered(failure("timeout", "x"), request(), { own: { timeoutStatus: 504 } }).reason,
    "Gateway Timeout",
  );
});

test("a response to a request without a name says what was requested and why it has no name", () => {
  const response = rendered(
    failure("unidentified", "Host header is absent"),
    request({ target: "/a" }),
  );
  const first =
    "Unknown destination: GET /a HTTP/1.1, from 127.0.0.1:53422 / Host header is absent";
  assert.equal(response.text.split("\n")[0], first);
  assert.match(response.text, /Router outgoing names requests by its key identifier/);
  assert.equal(response.fields["l5d-err"], formEncoded(first, 1000));
});

test("a name that leads nowhere shows the name, the dtab, the steps and the command to run", () => {
  const local = parseDtab("/svc=>/a");
  assert.ok(local.ok);
  const asked = request({ logicalName: pathLiteral("/svc/web"), localDtab: local.value });
  const why = {
    ...failure("unbound", "no dentry matches"),
    trace: () => "/svc/web\n/a/web  neg\n",
  };
  assert.equal(
    rendered(why, asked).text,
    `Unable to route request!
no dentry matches

service name: /svc/web
router: outgoing
override dtab: /svc=>/a

how the name was resolved:
  /svc/web
  /a/web  neg

The dtab of router outgoing leads /svc/web nowhere. Add a dentry that covers it, or
register the service where its dentry points to.

What the proxy knows, live:
  switchyard explain FILE /svc/web --router outgoing --dtab '/svc=>/a'
`,
  );
});

test("a connection that failed names the address, and that the request may be sent again", () => {
  const asked = request({
    logicalName: pathLiteral("/svc/web"),
    bound: boundTo("/#/io.l5d.fs/web", "/x"),
    endpoint: { host: "::1", port: 80, weight: 1 },
  });
  const response = rendered(failure("connect", "connection refused", "safe"), asked);
  assert.equal(response.fields["l5d-retryable"], "true");
  assert.equal(
    response.text.split("\n\n").slice(0, 2).join("|"),
    "Unable to establish connection to [::1]:80.\nconnection refused|" +
      "service name: /svc/web\nrouter: outgoing\nclient name: /#/io.l5d.fs/web\nresidual: /x\nselected address: [::1]:80",
  );
  assert.equal(rendered(failure("closed", "x"), asked).fields["l5d-retryable"], undefined);
});

test("callers on other hosts see what failed and for which service, not how it is reached", () => {
  const asked = request({
    logicalName: pathLiteral("/svc/web"),
    bound: boundTo("/#/io.l5d.fs/secret"),
    endpoint: { host: "10.9.9.9", port: 80, weight: 1 },
    hop: null,
  });
  const why = {
    ...failure("connect", "10.9.9.9:80 secret"),
    trace: () => assert.fail("it is not shown"),
  };
  const response = rendered(why, asked, { caller: stranger });
  assert.equal(response.fields["l5d-err"], "Unable+to+establish+connection.");
  assert.ok(!/secret|10\.9/.test(response.text), response.text);
  assert.match(response.text, /service name: \/svc\/web/);
});

test("errorDetail shows internal names to all callers or to none", () => {
  const why = { ...failure("unbound", "detail"), trace: () => "the steps" };
  const full = rendered(why, request(), { caller: stranger, own: { errorDetail: "full" } });
  assert.match(full.text, /the steps/);
  const none = rendered(why, request(), { own: { errorDetail: "none" } });
  assert.ok(!/the steps|detail/.test(none.text.replace("Details", "")), none.text);
});

test("every caller learns what it did wrong, and nothing else", () => {
  const response = rendered(refusal(400, "l5d-dtab header is not a dtab: x"), request(), {
    caller: stranger,
  });
  assert.equal(response.status, 400);
  assert.equal(response.text, "l5d-dtab header is not a dtab: x\n");
  assert.equal(response.fields["l5d-err"], "l5d-dtab+header+is+not+a+dtab%3A+x");
  const early = rendered(refusal(414, "too long"), null);
  assert.deepEqual([early.status, early.reason, early.text], [414, "URI Too Long", "too long\n"]);
});

test("a server that clears context shows only the status", () => {
  const render = failureRenderer(options, true);
  const response = render(failure("connect", "secret", "safe"), request(), peer);
  assert.deepEqual([response.status, response.fields, response.body.length], [502, [], 0]);
});

test("l5d-err is cut to fit into a head, and the body to maxErrResponseKB", () => {
  const long = failure("timeout", "ü€".repeat(20_000));
  const response = rendered(long, request(), { own: { maxErrResponseBytes: 1025 } });
  const err = response.fields["l5d-err"] ?? "";
  assert.ok(err.length <= 8192 - 1024 && err.length > 7000, String(err.length));
  assert.match(err, /(%FC|%3F)$/);
  assert.ok(response.body.length <= 1025 && response.body.length > 1020);
  assert.ok(!response.text.includes("\ufffd"), "cut between characters");
});

test("l5d-err is form-encoded in ISO-8859-1", () => {
  assert.equal(formEncoded("a b/c?d=é€\r\n*-_.", 100), "a+b%2Fc%3Fd%3D%E9%3F%0D%0A*-_.");
  assert.equal(formEncoded("aé", 3), "a");
});
