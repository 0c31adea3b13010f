import assert from "node:assert/strict";
import { test } from "node:test";
import { failure } from "../../src/core/failure.ts";
import type { Failure } from "../../src/core/failure.ts";
import { Pool } from "../../src/net/pool.ts";
import type { PoolMember, PoolOptions, Waiter } from "../../src/net/pool.ts";
import { simulatedClock } from "../support/clock.ts";
import { wireStats } from "../support/http.ts";
import { seeded } from "../support/random.ts";

class Member implements PoolMember {
  calls = 0;
  openedMs = 0;
  idleSinceMs = 0;
  isOpen = true;
  readonly #gone: (member: Member) => void;
  constructor(gone: (member: Member) => void) {
    this.#gone = gone;
  }
  close(): void {
    this.isOpen = false;
    this.#gone(this);
  }
}

interface Dial {
  open(): void;
  fail(): void;
}

const unlimited: PoolOptions = {
  name: "endpoint:80",
  minConnections: 0,
  maxConnections: Infinity,
  maxWaiters: Infinity,
  maxWaitMs: Infinity,
  poolIdleMs: Infinity,
  idleTimeMs: Infinity,
  lifeTimeMs: Infinity,
};

/** A pool whose dials the test decides; `take` either has a member or waits in `order`. */
function pool(options: Partial<PoolOptions> = {}) {
  const clock = simulatedClock();
  const stats = wireStats();
  const dials: Dial[] = [];
  const peak = { open: 0 };
  const made: Pool<Member> = new Pool(
    { ...unlimited, ...options },
    (opened, failed) => {
      const dial: Dial = {
        open() {
          dials.splice(dials.indexOf(dial), 1);
          opened(new Member((member) => made.gone(member)));
          peak.open = Math.max(peak.open, stats.connections);
        },
        fail() {
          dials.splice(dials.indexOf(dial), 1);
          failed(failure("connect", "refused", "safe"));
        },
      };
      dials.push(dial);
      return () => void dials.splice(dials.indexOf(dial), 1);
    },
    clock,
    stats,
  );
  return { pool: made, clock, stats, dials, peak };
}

function waiter() {
  const got: Member[] = [];
  const failed: Failure[] = [];
  return {
    got: (m: Member) => void got.push(m),
    failed: (why: Failure) => void failed.push(why),
    all: { got, failed },
  };
}

test("never more than max connections and max waiters, first come first served", () => {
  const random = seeded(28);
  for (let round = 0; round < 200; round++) {
    const maxConnections = 1 + Math.floor(random() * 4);
    const maxWaiters = Math.floor(random() * 4);
    const { pool: p, dials, stats, peak } = pool({ maxConnections, maxWaiters });
    const inUse: Member[] = [];
    const queue: number[] = [];
    let number = 0;
    const acquire = () => {
      const id = number++;
      const member = p.take();
      if (member !== null) return void inUse.push(member);
      const hadRoom = inUse.length + queue.length < maxConnections + maxWaiters;
      let isRefused = false;
      queue.push(id);
      const leave = p.wait({
        got(taken) {
          assert.equal(queue.shift(), id, "out of order");
          inUse.push(taken);
        },
        failed(why) {
          isRefused = true;
          assert.equal(why.retry, "safe");
          queue.splice(queue.indexOf(id), 1);
        },
      });
      assert.equal(isRefused, !hadRoom, "refused exactly when everything is taken");
      if (!isRefused && random() < 0.2) {
        leave();
        if (queue.includes(id)) queue.splice(queue.indexOf(id), 1);
      }
    };
    for (let step = 0; step < 100; step++) {
      const what = random();
      if (what < 0.5) acquire();
      else if (what < 0.7) dials[0]?.open();
      else if (what < 0.9) {
        const member = inUse.shift();
        if (member !== undefined) p.give(member);
      } else inUse.shift()?.close();
      assert.ok(p.size <= maxConnections, `${p.size} of ${maxConnections}`);
      assert.equal(stats.waiters, queue.length);
      assert.equal(stats.connections, inUse.length + stats.pooled);
    }
    assert.ok(peak.open <= maxConnections);
  }
});

test("a free connection is used before a new one is made, the last one first", () => {
  const { pool: p, dials } = pool();
  const [a, b] = [waiter(), waiter()];
  p.wait(a);
  p.wait(b);
  dials[0]?.open();
  dials[0]?.open();
  const [first, second] = [a.all.got[0] as Member, b.all.got[0] as Member];
  p.give(first);
  p.give(second);
  assert.equal(p.take(), second);
  assert.equal(p.take(), first);
  assert.equal(p.take(), null);
});

test("a failed dial fails the call that waits longest, and all that have nothing else to hope for", () => {
  const { pool: p, dials } = pool({ maxConnections: 1 });
  const waiters = [waiter(), waiter(), waiter()];
  for (const each of waiters) p.wait(each);
  dials[0]?.fail();
  assert.deepEqual(
    waiters.map(({ all }) => all.failed[0]?.kind),
    ["connect", "connect", "connect"],
  );
  assert.equal(p.size, 0);
});

test("a failed dial beside a connection in use fails one call; the others go on waiting", () => {
  const { pool: p, dials } = pool({ maxConnections: 2 });
  const waiters = [waiter(), waiter(), waiter()];
  for (const each of waiters) p.wait(each);
  dials[0]?.open();
  dials[0]?.fail();
  assert.equal(waiters[1]?.all.failed.length, 1);
  assert.equal(waiters[2]?.all.failed.length, 0);
  p.give(waiters[0]?.all.got[0] as Member);
  assert.equal(waiters[2]?.all.got.length, 1);
});

test("a dial that is cancelled frees its connection for the next", () => {
  const { pool: p, dials, stats } = pool();
  const gone = waiter();
  p.wait(gone)();
  dials[0]?.open();
  assert.equal(gone.all.got.length, 0);
  assert.equal(stats.pooled, 1);
  assert.notEqual(p.take(), null);
});

test("a call waits for a connection only so long", () => {
  const { pool: p, dials, clock, stats } = pool({ maxConnections: 1, maxWaitMs: 500 });
  const waiters = [waiter(), waiter(), waiter()];
  p.wait(waiters[0] as Waiter<Member>);
  dials[0]?.open();
  p.wait(waiters[1] as Waiter<Member>);
  clock.advance(300);
  p.wait(waiters[2] as Waiter<Member>);
  clock.advance(250);
  assert.deepEqual(
    waiters.map(({ all }) => all.failed.map(({ kind }) => kind)),
    [[], ["exhausted"], []],
  );
  clock.advance(250);
  assert.equal(waiters[2]?.all.failed.length, 1);
  assert.equal(stats.waiters, 0);
});

test("connections above the minimum are closed when idle for a while", () => {
  const { pool: p, dials, clock, stats } = pool({ minConnections: 1, poolIdleMs: 1_000 });
  const waiters = [waiter(), waiter(), waiter()];
  for (const each of waiters) p.wait(each);
  for (let i = 0; i < 3; i++) dials[0]?.open();
  for (const { all } of waiters) p.give(all.got[0] as Member);
  clock.advance(999);
  assert.equal(stats.pooled, 3);
  clock.advance(100);
  assert.deepEqual([stats.pooled, stats.connections, stats.closes.value], [1, 1, 2]);
  clock.advance(100_000);
  assert.equal(stats.pooled, 1);
});

test("idle time and life time hold for the minimum as well, and life time for those that come back", () => {
  const {
    pool: p,
    dials,
    clock,
    stats,
  } = pool({ minConnections: 5, idleTimeMs: 1_000, lifeTimeMs: 5_000 });
  const first = waiter();
  p.wait(first);
  dials[0]?.open();
  const member = first.all.got[0] as Member;
  p.give(member);
  for (let i = 0; i < 9; i++) {
    clock.advance(500);
    assert.equal(p.take(), member);
    p.give(member);
  }
  assert.equal(p.take(), member);
  clock.advance(600);
  p.give(member);
  assert.equal(member.isOpen, false, "5,100 ms old");
  const second = waiter();
  p.wait(second);
  dials[0]?.open();
  p.give(second.all.got[0] as Member);
  clock.advance(1_000);
  assert.deepEqual([stats.pooled, stats.connections], [0, 0]);
  assert.equal(clock.waiting, 0);
});

test("an old idle connection is closed even while a younger one is always busy", () => {
  const { pool: p, dials, clock, stats } = pool({ lifeTimeMs: 1_000 });
  const [a, b] = [waiter(), waiter()];
  p.wait(a);
  p.wait(b);
  dials[0]?.open();
  dials[0]?.open();
  p.give(a.all.got[0] as Member);
  clock.advance(1_200);
  assert.equal(stats.pooled, 0);
  assert.equal(stats.connections, 1);
});

test("close fails those who wait, closes what is free, and what is in use after the grace", () => {
  const { pool: p, dials, clock } = pool({ maxConnections: 2 });
  const waiters = [waiter(), waiter(), waiter()];
  for (const each of waiters) p.wait(each);
  dials[0]?.open();
  dials[0]?.open();
  const [busy, idle] = [waiters[0]?.all.got[0] as Member, waiters[1]?.all.got[0] as Member];
  p.close(1_000);
  assert.equal(waiters[2]?.all.failed[0]?.kind, "exhausted");
  p.give(idle);
  assert.equal(idle.isOpen, false);
  assert.equal(busy.isOpen, true);
  const late = waiter();
  p.wait(late);
  assert.equal(late.all.failed[0]?.retry, "safe");
  clock.advance(1_000);
  assert.equal(busy.isOpen, false);
});

test("what the pool counts: calls that waited, that were refused, dials that were cancelled", () => {
  const { pool: p, dials, stats } = pool({ maxConnections: 2, maxWaiters: 1 });
  const waiter = (): Waiter<Member> => ({ got() {}, failed() {} });
  p.wait(waiter());
  p.wait(waiter());
  assert.equal(dials.length, 2);
  assert.equal(stats.waited.value, 0, "each has a dial of its own");
  p.wait(waiter());
  assert.equal(stats.waited.value, 1);
  assert.equal(stats.tooManyWaiters.value, 0);
  p.wait(waiter());
  assert.equal(stats.tooManyWaiters.value, 1);
  dials[0]?.open();
  p.close(0);
  assert.equal(stats.cancelledConnects.value, 1);
  p.wait(waiter());
  assert.equal(stats.tooManyWaiters.value, 1, "it is closed, not full");
});
