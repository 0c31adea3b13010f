import assert from "node:assert/strict";
import { test } from "node:test";
import type { Fields } from "../../../../protocols/http/codec/passthrough-fields.ts";
import { decodeTrace, encodeTrace } from "../../../../protocols/http/codec/traces/l5d.ts";
import { showDtab } from "../../../../src/core/names/dtab.ts";
import { pathLiteral } from "../../../../src/core/names/path.ts";
import { newTrace } from "../../../../src/core/tracing/trace-id.ts";
import { simulatedClock } from "../../../support/clock.ts";
import { seeded } from "../../../support/random.ts";
import { asObject, boundTo, request, defaultContext } from "../messages.ts";

const startNs = BigInt(Date.UTC(2024, 0, 1)) * 1_000_000n;

/** Reads what a caller sent, and writes what the service gets. */
function pass(
  fields: Fields | null,
  before: (asked: ReturnType<typeof request>) => void = () => {},
  finagleDeadline: string | null = null,
) {
  const clock = simulatedClock();
  const passing = defaultContext({ clock, random: seeded(7) });
  const asked = request({ context: fields, finagleDeadline });
  const problem = passing.read(asked);
  before(asked);
  const out = problem === null ? asObject(passing.write(asked)) : {};
  return { clock, passing, asked, problem, out };
}

test("a request without context gets a trace, a request id and the names of its destination", () => {
  const { out } = pass(null, (asked) => {
    asked.logicalName = pathLiteral("/svc/web");
    asked.bound = boundTo("/#/io.l5d.fs/web");
  });
  assert.deepEqual(Object.keys(out), [
    "l5d-ctx-trace",
    "l5d-reqid",
    "l5d-dst-service",
    "l5d-dst-client",
  ]);
  assert.equal(out["l5d-dst-service"], "/svc/web");
  assert.equal(out["l5d-dst-client"], "/#/io.l5d.fs/web");
  const trace = decodeTrace(out["l5d-ctx-trace"] ?? "");
  assert.deepEqual([trace?.traceHigh, trace?.traceLow], [trace?.parentHigh, trace?.parentLow]);
  assert.equal(trace?.flags, 0);
});

test("the residual is written only when something is left", () => {
  const { out } = pass(null, (asked) => (asked.bound = boundTo("/#/io.l5d.fs/web", "/a/b")));
  assert.equal(out["l5d-dst-residual"], "/a/b");
});

test("a trace continues: same trace, our span in between, the flags kept", () => {
  const caller = { ...newTrace(seeded(3)), flags: 6 };
  const { asked, passing, out } = pass(["l5d-ctx-trace", encodeTrace(caller)]);
  const sent = decodeTrace(out["l5d-ctx-trace"] ?? "");
  assert.deepEqual([sent?.traceHigh, sent?.traceLow], [caller.traceHigh, caller.traceLow]);
  assert.deepEqual(
    [sent?.parentHigh, sent?.parentLow],
    [asked.hop?.trace.spanHigh, asked.hop?.trace.spanLow],
  );
  assert.notEqual(sent?.parentLow, caller.spanLow, "the server span is a child of the caller's");
  assert.equal(asked.hop?.trace.parentLow, caller.spanLow);
  assert.equal(sent?.flags, 6);
  const again = decodeTrace(asObject(passing.write(asked))["l5d-ctx-trace"] ?? "");
  assert.notEqual(again?.spanLow, sent?.spanLow, "each try is a span of its own");
  assert.equal(again?.parentLow, sent?.parentLow);
});

test("a bad trace is ignored, and a new one begins", () => {
  const { out, problem } = pass(["l5d-ctx-trace", "garbage"]);
  assert.equal(problem, null);
  assert.notEqual(decodeTrace(out["l5d-ctx-trace"] ?? ""), null);
});

test("l5d-sample decides, is clamped to 0..1 and is not forwarded", () => {
  const flagsAt = (rate: string) => {
    const { out } = pass(["l5d-sample", rate]);
    assert.equal(out["l5d-sample"], undefined);
    return decodeTrace(out["l5d-ctx-trace"] ?? "")?.flags;
  };
  assert.equal(flagsAt("1.0"), 6);
  assert.equal(flagsAt("17"), 6);
  assert.equal(flagsAt("0"), 2);
  assert.equal(flagsAt("-3"), 2);
  assert.equal(flagsAt("often"), 0);
  assert.equal(flagsAt("NaN"), 0);
});

test("a deadline limits the call and is forwarded to the nanosecond", () => {
  const text = `${startNs} ${startNs + 1_000_000_001n}`;
  const { asked, out } = pass(["l5d-ctx-deadline", text]);
  assert.ok(Math.abs(asked.deadlineMs - 1000) < 0.001, String(asked.deadlineMs));
  assert.equal(out["l5d-ctx-deadline"], text);
});

test("several deadlines combine to the strictest; bad and implausible ones are ignored", () => {
  const hourAgo = startNs - 3_600_000_000_001n;
  const { asked, out } = pass(
    [
      ["l5d-ctx-deadline", `${startNs - 5n} ${startNs + 3_000_000_000n}`],
      ["l5d-ctx-deadline", "tomorrow"],
      ["l5d-ctx-deadline", `${startNs - 9n} ${startNs + 2_000_000_000n}`],
      ["l5d-ctx-deadline", `${startNs + 2_000_000_000n} ${startNs + 1n}`],
      ["l5d-ctx-deadline", `${hourAgo} ${hourAgo}`],
    ].flat(),
  );
  assert.equal(asked.deadlineMs, 2000);
  assert.equal(out["l5d-ctx-deadline"], `${startNs - 5n} ${startNs + 2_000_000_000n}`);
});

test("a Finagle client's deadline counts like Linkerd's, and both are written", () => {
  const deadline = (ms: bigint) => `${startNs} ${startNs + ms * 1_000_000n}`;
  const { asked, out } = pass(null, () => {}, deadline(700n));
  assert.equal(asked.deadlineMs, 700);
  assert.equal(out["l5d-ctx-deadline"], deadline(700n));
  assert.equal(out["Finagle-Ctx-com.twitter.finagle.Deadline"], deadline(700n));
  const linkerd = ["l5d-ctx-deadline", deadline(500n)];
  assert.equal(pass(linkerd, () => {}, deadline(700n)).asked.deadlineMs, 500);
  assert.equal(
    pass(linkerd, () => {}, `${deadline(300n)}, ${deadline(400n)}`).asked.deadlineMs,
    300,
  );
  assert.equal(pass(null, () => {}, "tomorrow").asked.deadlineMs, Infinity);
});

test("an earlier limit of the proxy tightens a Finagle client's deadline", () => {
  const text = `${startNs} ${startNs + 3_000_000_000n}`;
  const { out } = pass(null, (asked) => (asked.deadlineMs = 1500), text);
  const tightened = `${startNs} ${startNs + 1_500_000_000n}`;
  assert.equal(out["Finagle-Ctx-com.twitter.finagle.Deadline"], tightened);
});

test("a deadline that has passed is kept, so that the call is not made", () => {
  const { asked } = pass(["l5d-ctx-deadline", `${startNs - 9n} ${startNs - 1_000_000_000n}`]);
  assert.equal(asked.deadlineMs, -1000);
});

test("an earlier limit of the proxy replaces the caller's deadline", () => {
  const text = `${startNs - 5n} ${startNs + 3_000_000_000n}`;
  const { out } = pass(["l5d-ctx-deadline", text], (asked) => (asked.deadlineMs = 1500));
  assert.equal(out["l5d-ctx-deadline"], `${startNs} ${startNs + 1_500_000_000n}`);
});

test("a limit of the proxy alone is written for the service", () => {
  const { out } = pass(null, (asked) => (asked.deadlineMs = 250));
  assert.equal(out["l5d-ctx-deadline"], `${startNs} ${startNs + 250_000_000n}`);
});

test("dtabs become the call's overrides, the user's after those of earlier hops", () => {
  const { asked, out } = pass(
    [
      ["l5d-dtab", "/svc/a => /$/inet/127.1/1"],
      ["l5d-ctx-dtab", "/svc/a=>/b"],
      ["l5d-dtab", "/svc/c => /d"],
    ].flat(),
  );
  const shown = "/svc/a=>/b;/svc/a=>/$/inet/127.1/1;/svc/c=>/d";
  assert.equal(showDtab(asked.localDtab), shown);
  assert.equal(out["l5d-ctx-dtab"], shown);
  assert.equal(out["l5d-dtab"], undefined);
});

test("the same dtab text gives the same dtab object, parsed once", () => {
  const clock = simulatedClock();
  const passing = defaultContext({ clock, random: seeded(7) });
  const reads = ["/a=>/b", "/a=>/b", "/a=>/c"].map((text) => {
    const asked = request({ context: ["l5d-dtab", text] });
    passing.read(asked);
    return asked.localDtab;
  });
  assert.equal(reads[0], reads[1]);
  assert.notEqual(reads[0], reads[2]);
});

test("a dtab that cannot be read is a problem that names the header and the place", () => {
  assert.match(
    pass(["l5d-dtab", "/a=>"]).problem ?? "",
    /^l5d-dtab header is not a dtab: .*'\/a=>\[\]'/,
  );
  assert.match(
    pass(["l5d-ctx-dtab", "nope", "l5d-dtab", "/a=>/b"]).problem ?? "",
    /^l5d-ctx-dtab header is not a dtab: /,
  );
});

test("an empty dtab counts as absent", () => {
  const { asked, out } = pass(["l5d-dtab", ""]);
  assert.equal(asked.localDtab.length, 0);
  assert.equal(out["l5d-ctx-dtab"], undefined);
});

test("fields of the previous hop are replaced, unknown ones pass through", () => {
  const { out } = pass(
    [
      ["l5d-reqid", "old"],
      ["l5d-dst-service", "/old"],
      ["l5d-dst-client", "/old"],
      ["l5d-dst-residual", "/old"],
      ["l5d-name", "/users"],
      ["l5d-own", "mine"],
    ].flat(),
  );
  assert.notEqual(out["l5d-reqid"], "old");
  assert.equal(out["l5d-dst-service"], undefined);
  assert.equal(out["l5d-dst-client"], undefined);
  assert.equal(out["l5d-dst-residual"], undefined);
  assert.equal(out["l5d-name"], "/users");
  assert.equal(out["l5d-own"], "mine");
});
