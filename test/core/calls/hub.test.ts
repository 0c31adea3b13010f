// The hook for ended calls: who is asked, what a record says, and what it must not keep.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { CallReader, CallReporter, EndedCall } from "../../../src/core/calls/ended-call.ts";
import { CallHub } from "../../../src/core/calls/hub.ts";
import type { CallListener, CallView } from "../../../src/core/calls/hub.ts";
import type { CallRecord } from "../../../src/core/calls/record.ts";
import { failure } from "../../../src/core/failure.ts";
import { simulatedClock } from "../../support/clock.ts";
import {
  addresses,
  fails,
  holding,
  refused,
  responds,
  testCall,
  testRouter,
} from "../../support/routing.ts";
import type { HeldCall, TestCall, TestRouter, TestRouterOptions } from "../../support/routing.ts";
import type { Failure } from "../../../src/core/failure.ts";

let described = 0;
const reader: CallReader<EndedCall> = {
  protocol: "test",
  outcomeOf: (call) => (call.failure === null ? "success" : "failure"),
  isSampled: () => null,
  describe(_, headers) {
    described++;
    return {
      remote: { host: "10.1.1.1", port: 5 },
      method: "GET",
      target: `/x?id=1&access_token=abc&${"y".repeat(9_000)}`,
      status: "200",
      receivedBytes: 7,
      trace: null,
      headers: Object.fromEntries(headers.map((name) => [name, "v"])),
    };
  },
};

interface Recorder {
  readonly router: TestRouter;
  readonly records: CallRecord[];
  call(request: TestCall): void;
}

/** A router whose calls are all recorded. */
function recorder(options: TestRouterOptions): Recorder {
  const router = testRouter(options);
  const hub = new CallHub(router.clock);
  const records: CallRecord[] = [];
  hub.listen(() => ({ wants: () => true, take: (record) => void records.push(record) }));
  const sink = hub.router("test").server(() => ({ host: "127.0.0.1", port: 4140 }));
  const reporter: CallReporter<EndedCall> = sink.reporter(reader);
  return {
    router,
    records,
    call(request) {
      const startedMs = router.clock.nowMs();
      router.service(request, {
        start() {},
        end: (why: Failure | null) =>
          reporter.ended({
            request,
            failure: why,
            startedMs,
            endedMs: router.clock.nowMs(),
            sentBytes: 3,
          }),
      });
    },
  };
}

test("a record names the call, its endpoint and where the time went", () => {
  const held: HeldCall[] = [];
  const { router, records, call } = recorder({ serve: () => holding(held) });
  call(testCall("/svc/users", { deadlineMs: 1_000 }));
  router.clock.advance(30); // nothing is bound yet
  router.bind("/svc/users", "/#/io.l5d.fs/users", addresses(1));
  router.clock.advance(12);
  held[0]?.respond();
  const [record] = records;
  assert.equal(record?.id, "test-1");
  assert.equal(record.at, "2024-01-01T00:00:00.000Z");
  assert.equal(record.durationMs, 42);
  assert.equal(record.name, "/svc/users");
  assert.equal(record.bound, "/#/io.l5d.fs/users");
  assert.equal(record.endpoint, "10.0.0.1:1");
  assert.equal(record.server, "127.0.0.1:4140");
  assert.equal(record.remote, "10.1.1.1:5");
  assert.equal(record.deadlineLeftMs, 958);
  assert.deepEqual(record.timing, {
    bindingMs: 30,
    queueMs: 0,
    connectMs: 0,
    firstByteMs: 12,
    bodyMs: 0,
  });
  assert.deepEqual(record.attempts, [
    {
      endpoint: "10.0.0.1:1",
      bound: "/#/io.l5d.fs/users",
      why: "first",
      spanId: null,
      startMs: 30,
      headMs: 42,
      endMs: 42,
      outcome: "success",
      status: "200",
      failure: null,
    },
  ]);
});

test("a target is bounded, and values that look secret are hidden", () => {
  const { router, records, call } = recorder({});
  router.bind("/svc/users", "/#/a", addresses(1));
  call(testCall());
  const { target } = records[0]!;
  assert.equal(target.length, 512);
  assert.match(target, /^\/x\?id=1&access_token=\*\*\*&yyy/);
});

test("every attempt is in the record, with the reason for it and what became of it", () => {
  const { router, records, call } = recorder({
    serve: ({ port }) => (port === 1 ? fails(refused) : responds(port === 2 ? 503 : 200)),
    service: {
      classifier: (_, response, why) =>
        why !== null || (response ?? 0) >= 500 ? "retryable" : "success",
    },
  });
  router.bind("/svc/users", "/#/a", addresses(3));
  for (let i = 0; i < 50; i++) call(testCall());
  const all = records.flatMap(({ attempts }) => attempts);
  const requeue = records.find(({ requeues }) => requeues > 0);
  assert.equal(requeue?.attempts[0]?.outcome, "failure");
  assert.deepEqual(requeue.attempts[0].failure, { kind: "connect", detail: "connection refused" });
  assert.equal(requeue.attempts[1]?.why, "requeue");
  const retried = records.find(({ retries }) => retries > 0);
  const first = retried?.attempts.find(({ status }) => status === "503");
  assert.equal(first?.outcome, "failure");
  assert.ok(all.some(({ why }) => why === "retry"));
  for (const { retries, requeues, attempts } of records) {
    assert.equal(attempts.length, 1 + retries + requeues);
  }
});

test("a hedged call lists both attempts, whichever wins", () => {
  const held: HeldCall[] = [];
  const { router, records, call } = recorder({
    serve: () => holding(held),
    client: { filters: hedging },
  });
  router.bind("/svc/users", "/#/a", addresses(2));
  warmUp(router, held, call);
  records.length = 0;
  call(testCall());
  router.clock.advance(100); // much longer than the others
  assert.equal(held.length, 2, "no second attempt was made");
  held[1]?.respond();
  const [record] = records;
  assert.deepEqual(
    record?.attempts.map(({ why, outcome }) => [why, outcome]),
    [
      ["first", "cancelled"],
      ["hedge", "success"],
    ],
  );
});

const hedging = { hedge: { percentile: 50, maxExtraLoad: 1 } } as never;

function warmUp(router: TestRouter, held: HeldCall[], call: (request: TestCall) => void): void {
  for (let i = 0; i < 30; i++) {
    call(testCall());
    router.clock.advance(5);
    for (const each of held.splice(0)) each.respond();
  }
  router.clock.advance(4_000);
  call(testCall());
  for (const each of held.splice(0)) each.respond();
}

test("no record is made of a call that nobody wants, and one for all who want it", () => {
  const clock = simulatedClock();
  const hub = new CallHub(clock);
  const reporter = hub
    .router("http")
    .server(() => ({ host: "::1", port: 1 }))
    .reporter(reader);
  const call: EndedCall = {
    request: testCall(),
    failure: null,
    startedMs: 0,
    endedMs: 20,
    sentBytes: 0,
  };
  const before = described;
  reporter.ended(call);
  const slow = listener(({ durationMs }) => durationMs > 10);
  const failed = listener(({ outcome }) => outcome === "failure");
  const any = listener(() => true);
  const closers = [slow, failed, any].map((each) => hub.listen(() => each));
  hub.listen(() => null);
  reporter.ended({ ...call, endedMs: 5 });
  reporter.ended(call);
  assert.equal(described, before + 2);
  assert.equal(slow.records.length, 1);
  assert.equal(slow.records[0], any.records[1]);
  assert.equal(failed.records.length, 0);
  for (const close of closers) close();
  reporter.ended(call);
  assert.equal(described, before + 2);
});

test("what was refused before it was a call is a failed call without a name", () => {
  const hub = new CallHub(simulatedClock());
  const all = listener(() => true);
  hub.listen(() => all);
  const reporter = hub
    .router("mux")
    .server(() => ({ host: "::1", port: 1 }))
    .reporter(reader);
  reporter.refused({
    remote: { host: "::1", port: 7 },
    method: "Tdispatch",
    target: "",
    status: "error",
    failure: failure("malformed", "z".repeat(5_000)),
    receivedBytes: 0,
  });
  const [record] = all.records;
  assert.equal(record?.outcome, "failure");
  assert.equal(record.name, null);
  assert.equal(record.remote, "[::1]:7");
  assert.equal(record.failure?.detail.length, 1_000);
});

interface TestListener extends CallListener {
  readonly records: CallRecord[];
}

function listener(wants: (call: CallView) => boolean): TestListener {
  const records: CallRecord[] = [];
  return { records, wants, take: (record) => void records.push(record) };
}
