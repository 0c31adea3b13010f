import { defaultCallerDtabLimits } from "../../../src/core/names/caller-dtab-limits.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import { responseHead } from "../../../protocols/http/codec/head-writer.ts";
import { isRefusal } from "../../../protocols/http/codec/refusal.ts";
import { serverFilters, wireContext } from "../../../protocols/http/filters.ts";
import type { ServerFilterOptions } from "../../../protocols/http/filters.ts";
import { wireAuthority } from "../../../protocols/http/filters/authority.ts";
import { copyOf } from "../../../protocols/http/message.ts";
import type { HttpResponse } from "../../../protocols/http/message.ts";
import type { Verdict } from "../../../src/core/classifier.ts";
import { failure } from "../../../src/core/failure.ts";
import { stack } from "../../../src/core/service.ts";
import { simulatedClock } from "../../support/clock.ts";
import { outcomeOf } from "../../support/outcome.ts";
import { seeded } from "../../support/random.ts";
import { responding, request, response, textBody, textOf, defaultContext } from "./messages.ts";

function filters(options: Partial<ServerFilterOptions> = {}) {
  const clock = options.clock ?? simulatedClock();
  return serverFilters({
    context: defaultContext({ clock, random: seeded(1) }),
    clock,
    clearContext: false,
    callerDtabLimits: defaultCallerDtabLimits,
    maxCallDepth: 1000,
    forwarded: null,
    hint: null,
    compressionLevel: 0,
    timestampHeader: null,
    ...options,
  });
}

const statusOf = (why: ReturnType<typeof failure> | null) =>
  why !== null && isRefusal(why) ? why.status : null;

test("this hop is added to Via, with the version in which the request came", async () => {
  const { seen, service } = responding();
  const proxy = stack(filters(), service);
  await outcomeOf(proxy, request());
  await outcomeOf(proxy, request({ via: "1.1 edge, 1.1 mid" }));
  await outcomeOf(proxy, request({ version: "1.0" }));
  assert.deepEqual(
    seen.map(({ via }) => via),
    ["1.1 switchyard", "1.1 edge, 1.1 mid, 1.1 switchyard", "1.0 switchyard"],
  );
});

test("a request that passed too many proxies is refused with 400, and one fewer is not", async () => {
  const { seen, service } = responding();
  const proxy = stack(filters({ maxCallDepth: 3 }), service);
  await outcomeOf(proxy, request({ via: "1.1 a, 1.1 b,, 1.1 c" }));
  assert.equal(seen.length, 1);
  const { failure: why } = await outcomeOf(proxy, request({ via: "1.1 a,1.1 b,1.1 c,1.1 d" }));
  assert.equal(statusOf(why), 400);
  assert.equal(
    why?.detail,
    "Maximum number of calls (3) has been exceeded. Please check for proxy loops.",
  );
  assert.equal(seen.length, 1);
});

test("a dtab that cannot be read is refused with 400 and is not routed", async () => {
  const { seen, service } = responding();
  const asked = request({ context: ["l5d-dtab", "/a=>"] });
  const { failure: why } = await outcomeOf(stack(filters(), service), asked);
  assert.equal(statusOf(why), 400);
  assert.match(why?.detail ?? "", /^l5d-dtab header is not a dtab/);
  assert.equal(seen.length, 0);
});

test("Forwarded and the timestamp are added as lines of their own", async () => {
  const clock = simulatedClock(1_700_000_000_000);
  const { seen, service } = responding();
  const own = filters({ clock, forwarded: () => "by=_a;for=_b", timestampHeader: "x-start" });
  await outcomeOf(
    stack(own, service),
    request({ fields: ["X-Start", "1", "Forwarded", "for=_z"] }),
  );
  assert.deepEqual(
    seen[0]?.fields.list,
    [
      ["X-Start", "1", "Forwarded", "for=_z"],
      ["Forwarded", "by=_a;for=_b", "x-start", "1700000000000"],
    ].flat(),
  );
});

test("clearContext ignores the context that callers send", async () => {
  const { seen, service } = responding();
  const fields = ["l5d-dtab", "/a=>", "l5d-ctx-trace", "x", "l5d-own", "1"];
  const { failure: why } = await outcomeOf(
    stack(filters({ clearContext: true }), service),
    request({ context: fields }),
  );
  assert.equal(why, null);
  assert.equal(seen[0]?.hop?.passOn, null);
  assert.equal(seen[0]?.localDtab.length, 0);
});

test("clearContext hides l5d fields and error bodies from callers", async () => {
  const error = response({
    context: ["l5d-err", "secret"],
    verdict: "failure",
    body: textBody("secret names"),
  });
  const fine = response({ verdict: "success", body: textBody("hello") });
  const cleared = filters({ clearContext: true });
  const { response: told } = await outcomeOf(
    stack(cleared, responding(() => error).service),
    request(),
  );
  assert.ok(told !== null);
  assert.deepEqual([toldToCaller(told), told.verdict, textOf(told)], [[], null, ""]);
  const { response: kept } = await outcomeOf(
    stack(cleared, responding(() => fine).service),
    request(),
  );
  assert.ok(kept !== null);
  assert.deepEqual([toldToCaller(kept), kept.verdict, textOf(kept)], [[], null, "hello"]);
});

test("the wire describes the call to the endpoint", async () => {
  const shared = defaultContext({ clock: simulatedClock(), random: seeded(1) });
  const { seen, service } = responding();
  const asked = request();
  shared.read(asked);
  await outcomeOf(
    stack([wireContext(shared, (request, reply, next) => next(request, reply))], service),
    asked,
  );
  assert.match(seen[0]?.contextOut ?? "", /^l5d-ctx-trace: \S{44}\r\nl5d-reqid: \w{16}\r\n$/);
});

/** The `l5d-*` lines of a response as the caller gets it. */
function toldToCaller(answer: HttpResponse): string[] {
  const lines = responseHead(answer, "length", "").split("\r\n");
  return lines.filter((line) => line.startsWith("l5d-"));
}

test("the caller gets the endpoint's context, with our verdict in place of the previous hop's", () => {
  const context = ["l5d-err", "x", "l5d-success-class", "1.0", "l5d-retryable", "true"];
  const answer = response({ context });
  assert.deepEqual(toldToCaller(answer), ["l5d-err: x", "l5d-retryable: true"]);
  answer.verdict = "failure";
  const all = ["l5d-err: x", "l5d-retryable: true", "l5d-success-class: 0.0"];
  assert.deepEqual(toldToCaller(answer), all);
  answer.verdict = "retryable";
  assert.deepEqual(toldToCaller(answer), ["l5d-err: x", "l5d-success-class: 0.0"]);
});

test("a response is marked with its verdict, unless the caller cancelled", () => {
  const marked = (verdict: Verdict) => {
    const answer = response();
    answer.verdict = verdict;
    return toldToCaller(answer);
  };
  assert.deepEqual(marked("success"), ["l5d-success-class: 1.0"]);
  assert.deepEqual(marked("failure"), ["l5d-success-class: 0.0"]);
  assert.deepEqual(marked("retryable"), ["l5d-success-class: 0.0"]);
  assert.deepEqual(marked("ignorable"), []);
});

test("an endpoint gets the Host it expects, and the caller sees its own in redirects", async () => {
  const hosts: (string | null)[] = [];
  const { service } = responding((asked) => {
    hosts.push(asked.host);
    return response({
      fields: [
        ["location", "http://inner.test/login?to=//inner.test"],
        ["Refresh", "5; url=https://INNER.test"],
        ["Location", "http://inner.test.evil/"],
        ["Link", "<http://inner.test/>"],
      ].flat(),
    });
  });
  const asked = request({ host: "outer$&:80" });
  const { response: answer } = await outcomeOf(
    stack([wireAuthority("inner.test")], service),
    asked,
  );
  assert.deepEqual(hosts, ["inner.test"]);
  assert.equal(asked.host, "outer$&:80");
  assert.deepEqual(
    answer?.fields.list,
    [
      ["location", "http://outer$&:80/login?to=//outer$&:80"],
      ["Refresh", "5; url=https://outer$&:80"],
      ["Location", "http://inner.test.evil/"],
      ["Link", "<http://inner.test/>"],
    ].flat(),
  );
});

test("a second attempt beside one that has its endpoint's Host begins with the caller's", () => {
  const asked = request({ host: "outer" });
  stack([wireAuthority("inner")], () => ({ cancel() {} }))(asked, { start() {}, end() {} });
  assert.deepEqual([asked.host, copyOf(asked)?.host], ["inner", "outer"]);
});

test("the caller's Host is restored before a failure is reported, for the next attempt", () => {
  const asked = request({ host: "outer" });
  let hostAtEnd: string | null = null;
  stack([wireAuthority("inner")], (_asked, reply) => {
    reply.end(failure("connect", "refused", "safe"));
    return { cancel() {} };
  })(asked, { start() {}, end: () => (hostAtEnd = asked.host) });
  assert.equal(hostAtEnd, "outer");
});
