import assert from "node:assert/strict";
import { test } from "node:test";
import { ok, pending } from "../../../src/core/live.ts";
import { hostResolver, separateLookups } from "../../../src/naming/hosts/resolver.ts";
import type { HostLookupResult, LookUpHost } from "../../../src/naming/hosts/lookup.ts";
import { simulatedClock } from "../../support/clock.ts";
import { keptLog } from "../../support/naming.ts";

/** Lookups wait until the test responds. */
function setup() {
  const clock = simulatedClock();
  const log = keptLog();
  const lookups: { host: string; done: (result: HostLookupResult) => void }[] = [];
  const lookUp: LookUpHost = (host, done) => {
    lookups.push({ host, done });
    return () => {};
  };
  const hosts = hostResolver(clock, log, { configured: lookUp, callers: lookUp });
  const respond = (...addresses: readonly string[]) => {
    lookups.shift()?.done({ kind: "addresses", addresses });
  };
  return { clock, log, lookups, hosts, respond };
}

test("a name is looked up while it is watched, again 5 s after each result", () => {
  const { clock, lookups, hosts, respond } = setup();
  const live = hosts.resolve("Web.local");
  assert.equal(lookups.length, 0);
  const close = live.watch(() => {});
  assert.deepEqual([live.state, lookups.length], [pending, 1]);
  clock.advance(60_000);
  assert.equal(lookups.length, 1, "one lookup at a time");
  respond("10.0.0.1");
  assert.deepEqual(live.state, ok(["10.0.0.1"]));
  clock.advance(4_999);
  assert.equal(lookups.length, 0);
  clock.advance(1);
  assert.equal(lookups.length, 1);
  close();
  respond("10.0.0.2");
  clock.advance(60_000);
  assert.deepEqual([lookups.length, clock.waiting, live.state], [0, 0, pending]);
});

test("all watchers of a name share its lookups, in any case of letters", () => {
  const { lookups, hosts, respond } = setup();
  const first = hosts.resolve("web.local");
  const close = first.watch(() => {});
  const second = hosts.resolve("WEB.local");
  const closeSecond = second.watch(() => {});
  assert.equal(lookups.length, 1);
  respond("10.0.0.1");
  assert.deepEqual(second.state, ok(["10.0.0.1"]));
  close();
  assert.deepEqual(second.state, ok(["10.0.0.1"]));
  closeSecond();
});

test("only a change is passed on; neither order nor repetition is one", (t) => {
  const { clock, hosts, respond } = setup();
  const live = hosts.resolve("web.local");
  let changes = 0;
  t.after(live.watch(() => changes++));
  const nextResult = (...addresses: readonly string[]) => {
    respond(...addresses);
    clock.advance(5_000);
  };
  nextResult("10.0.0.1", "10.0.0.2");
  nextResult("10.0.0.2", "10.0.0.1", "10.0.0.2");
  assert.equal(changes, 1);
  nextResult("10.0.0.2", "0:0::1");
  assert.deepEqual(live.state, ok(["10.0.0.2", "::1"]));
  assert.equal(changes, 2);
});

test("the last good result is kept when the name fails or vanishes, which is logged once", (t) => {
  const { clock, log, lookups, hosts, respond } = setup();
  const live = hosts.resolve("web.local");
  t.after(live.watch(() => {}));
  respond("10.0.0.1");
  for (let i = 0; i < 3; i++) {
    clock.advance(5_000);
    lookups.shift()?.done({ kind: "error", detail: "EAI_AGAIN" });
  }
  clock.advance(5_000);
  lookups.shift()?.done({ kind: "unknown" });
  assert.deepEqual(live.state, ok(["10.0.0.1"]));
  assert.deepEqual(
    log.events.map(({ host, problem }) => `${String(host)}: ${String(problem)}`),
    ["web.local: EAI_AGAIN", "web.local: the name does not exist"],
  );
});

test("without a good result a name that does not exist has no addresses, and an error is one", (t) => {
  const { clock, lookups, hosts, respond } = setup();
  const live = hosts.resolve("web.local");
  t.after(live.watch(() => {}));
  lookups.shift()?.done({ kind: "error", detail: "EAI_AGAIN" });
  assert.ok(live.state.kind === "failed");
  assert.equal(
    live.state.why.detail,
    "the host name web.local could not be looked up: EAI_AGAIN; the next lookup is in 5 s",
  );
  clock.advance(5_000);
  lookups.shift()?.done({ kind: "unknown" });
  assert.deepEqual(live.state, ok([]));
  clock.advance(5_000);
  respond("10.0.0.1");
  assert.deepEqual(live.state, ok(["10.0.0.1"]));
});

test("IP literals are not looked up, nor is what cannot be a host name", () => {
  const { lookups, hosts } = setup();
  assert.deepEqual(hosts.resolve("127.1").state, ok(["127.0.0.1"]));
  assert.deepEqual(hosts.resolve("2001:DB8::1").state, ok(["2001:db8::1"]));
  assert.deepEqual(hosts.resolve("a b\0").state, ok([]));
  assert.deepEqual(hosts.resolve("x".repeat(300)).state, ok([]));
  assert.equal(lookups.length, 0);
});

test("names of callers and of the configuration are looked up apart", (t) => {
  const clock = simulatedClock();
  const looked: string[] = [];
  const lookUp =
    (lane: string): LookUpHost =>
    (host, done) => {
      looked.push(`${lane} ${host}`);
      if (lane === "configured") done({ kind: "addresses", addresses: ["10.0.0.1"] });
      return () => {};
    };
  const hosts = hostResolver(clock, keptLog(), {
    configured: lookUp("configured"),
    callers: lookUp("callers"),
  });
  const own = hosts.resolve("web.local");
  const theirs = hosts.resolve("web.local", "callers");
  t.after(own.watch(() => {}));
  t.after(theirs.watch(() => {}));
  assert.deepEqual(looked, ["configured web.local", "callers web.local"]);
  assert.deepEqual([own.state, theirs.state], [ok(["10.0.0.1"]), pending]);
});

test("callers with 300 silent names delay neither the configuration's names nor localhost", (t) => {
  const clock = simulatedClock();
  const dns: LookUpHost = (host, done) => {
    if (!host.startsWith("silent")) done({ kind: "addresses", addresses: ["10.0.0.7"] });
    return () => {};
  };
  const hosts = hostResolver(clock, keptLog(), separateLookups(clock, dns));
  for (let i = 0; i < 300; i++) {
    t.after(hosts.resolve(`silent${i}.example`, "callers").watch(() => {}));
  }
  const stateOf = (host: string, origin: "callers" | "configured") => {
    const live = hosts.resolve(host, origin);
    t.after(live.watch(() => {}));
    return live.state;
  };
  assert.deepEqual(stateOf("consul.example", "configured"), ok(["10.0.0.7"]));
  assert.equal(stateOf("localhost", "callers").kind, "ok");
  assert.deepEqual(
    stateOf("web.example", "callers"),
    pending,
    "it waits behind 256 of its own kind",
  );
});

test("names that callers invent do not fill the log", () => {
  const { log, lookups, hosts, clock } = setup();
  const fail = (from: number) => {
    for (let i = 0; i < 500; i++) {
      const close = hosts.resolve(`invented-${from + i}`, "callers").watch(() => {});
      lookups.pop()?.done({ kind: "unknown" });
      close();
    }
  };
  fail(0);
  assert.equal(log.events.length, 20);
  clock.advance(1_000);
  fail(500);
  assert.equal(log.events.length, 21);
  assert.equal(log.events.at(-1)?.["omitted"], 480);
});
