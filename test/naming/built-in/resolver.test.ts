import assert from "node:assert/strict";
import { test } from "node:test";
import { ok, pending } from "../../../src/core/live.ts";
import { systemLookup, hostResolver } from "../../../src/naming/built-in/resolver.ts";
import type { LookUpHost, HostLookupResult } from "../../../src/naming/built-in/resolver.ts";
import { simulatedClock } from "../../support/clock.ts";
import { realClock } from "../../support/real-clock.ts";
import { keptLog, stateWhen } from "../../support/naming.ts";

/** Questions wait until the test answers them. */
function setup() {
  const clock = simulatedClock();
  const log = keptLog();
  const questions: { host: string; answer: (answer: HostLookupResult) => void }[] = [];
  const ask: LookUpHost = (host, answer) => void questions.push({ host, answer });
  const hosts = hostResolver(clock, log, ask);
  const answer = (...addresses: readonly string[]) => {
    questions.shift()?.answer({ kind: "addresses", addresses });
  };
  return { clock, log, questions, hosts, answer };
}

test("a name is asked for while it is watched, again 5 s after each answer", () => {
  const { clock, questions, hosts, answer } = setup();
  const live = hosts.resolve("Web.local");
  assert.equal(questions.length, 0);
  const close = live.watch(() => {});
  assert.deepEqual([live.state, questions.length], [pending, 1]);
  clock.advance(60_000);
  assert.equal(questions.length, 1, "one question at a time");
  answer("10.0.0.1");
  assert.deepEqual(live.state, ok(["10.0.0.1"]));
  clock.advance(4_999);
  assert.equal(questions.length, 0);
  clock.advance(1);
  assert.equal(questions.length, 1);
  close();
  answer("10.0.0.2");
  clock.advance(60_000);
  assert.deepEqual([questions.length, clock.waiting, live.state], [0, 0, pending]);
});

test("all who watch a name share its questions, in any case of letters", () => {
  const { questions, hosts, answer } = setup();
  const first = hosts.resolve("web.local");
  const close = first.watch(() => {});
  const second = hosts.resolve("WEB.local");
  const closeSecond = second.watch(() => {});
  assert.equal(questions.length, 1);
  answer("10.0.0.1");
  assert.deepEqual(second.state, ok(["10.0.0.1"]));
  close();
  assert.deepEqual(second.state, ok(["10.0.0.1"]));
  closeSecond();
});

test("only a change is passed on; neither order nor repetition is one", (t) => {
  const { clock, hosts, answer } = setup();
  const live = hosts.resolve("web.local");
  let changes = 0;
  t.after(live.watch(() => changes++));
  const nextAnswer = (...addresses: readonly string[]) => {
    answer(...addresses);
    clock.advance(5_000);
  };
  nextAnswer("10.0.0.1", "10.0.0.2");
  nextAnswer("10.0.0.2", "10.0.0.1", "10.0.0.2");
  assert.equal(changes, 1);
  nextAnswer("10.0.0.2", "0:0::1");
  assert.deepEqual(live.state, ok(["10.0.0.2", "::1"]));
  assert.equal(changes, 2);
});

test("the last good answer is kept when the name fails or vanishes, which is logged once", (t) => {
  const { clock, log, questions, hosts, answer } = setup();
  const live = hosts.resolve("web.local");
  t.after(live.watch(() => {}));
  answer("10.0.0.1");
  for (let i = 0; i < 3; i++) {
    clock.advance(5_000);
    questions.shift()?.answer({ kind: "error", detail: "EAI_AGAIN" });
  }
  clock.advance(5_000);
  questions.shift()?.answer({ kind: "unknown" });
  assert.deepEqual(live.state, ok(["10.0.0.1"]));
  assert.deepEqual(
    log.events.map(({ host, problem }) => `${String(host)}: ${String(problem)}`),
    ["web.local: EAI_AGAIN", "web.local: the name does not exist"],
  );
});

test("without a good answer a name that does not exist has no addresses, and an error is one", (t) => {
  const { clock, questions, hosts, answer } = setup();
  const live = hosts.resolve("web.local");
  t.after(live.watch(() => {}));
  questions.shift()?.answer({ kind: "error", detail: "EAI_AGAIN" });
  assert.ok(live.state.kind === "failed");
  assert.equal(
    live.state.why.detail,
    "the host name web.local could not be looked up: EAI_AGAIN; asking again every 5 s",
  );
  clock.advance(5_000);
  questions.shift()?.answer({ kind: "unknown" });
  assert.deepEqual(live.state, ok([]));
  clock.advance(5_000);
  answer("10.0.0.1");
  assert.deepEqual(live.state, ok(["10.0.0.1"]));
});

test("IP literals are not asked for, and neither is what cannot be a host name", () => {
  const { questions, hosts } = setup();
  assert.deepEqual(hosts.resolve("127.1").state, ok(["127.0.0.1"]));
  assert.deepEqual(hosts.resolve("2001:DB8::1").state, ok(["2001:db8::1"]));
  assert.deepEqual(hosts.resolve("a b\0").state, ok([]));
  assert.deepEqual(hosts.resolve("x".repeat(300)).state, ok([]));
  assert.equal(questions.length, 0);
});

test("the system is asked for localhost", async () => {
  const hosts = hostResolver(realClock, keptLog(), systemLookup);
  const state = await stateWhen(hosts.resolve("localhost"), ({ kind }) => kind !== "pending");
  assert.ok(state.kind === "ok");
  assert.ok(state.value.includes("127.0.0.1") || state.value.includes("::1"));
});
