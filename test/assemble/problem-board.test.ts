// The board of problems on a simulated clock: when a problem comes, when it is over, and how many there may be.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { ProblemBoard } from "../../src/assemble/problems/board.ts";
import type { Finding, Findings } from "../../src/assemble/problems/finding.ts";
import { lintRules } from "../../src/assemble/problems/lint.ts";
import type { LogEvent } from "../../src/core/log.ts";
import { openMetrics } from "../../src/telemetry/metrics.ts";
import { simulatedClock } from "../support/clock.ts";

function finding(key: string, more: Partial<Finding> = {}): Finding {
  return {
    kind: "no-addresses",
    key,
    severity: "critical",
    text: `${key} has none`,
    advice: "start it",
    steps: ["routers", 0],
    subject: {},
    ...more,
  };
}

function setup(find: (isShown: (id: string) => boolean) => Findings) {
  const clock = simulatedClock();
  const metrics = openMetrics(clock);
  const events: LogEvent[] = [];
  const note = (event: LogEvent) => void events.push(event);
  const board = new ProblemBoard({
    clock,
    log: { debug: note, info: note, warn: note, error: note },
    stats: metrics.stats.scope("problems"),
    find,
    looked: () => ["1 router"],
    place: () => ({ file: "a.yaml", line: 7 }),
  });
  const gauge = (severity: string) => {
    const metric = metrics.root.children.get("problems")?.children.get(severity)?.metric;
    return metric?.kind === "gauge" ? metric.read() : null;
  };
  /** A second passes, with the look that it brings. */
  const second = async () => {
    clock.advance(1_000);
    await nextTurn();
    await nextTurn();
  };
  return { clock, board, events, gauge, second };
}

test("a problem is shown when it is found, and over when it was not found for 1.5 s", async () => {
  let found: readonly Finding[] = [];
  const { board, events, gauge, second } = setup(() => found);
  await second();
  assert.deepEqual((await board.current()).problems, []);
  found = [finding("/svc/a", { forMs: 300 })];
  await second();
  const { problems } = await board.current();
  assert.deepEqual(
    problems.map(({ id, where }) => ({ id, where })),
    [{ id: "no-addresses /svc/a", where: { file: "a.yaml", line: 7 } }],
  );
  assert.equal(gauge("critical"), 1);
  found = [];
  await second();
  assert.equal((await board.current()).problems.length, 1); // it might flap
  await second();
  assert.equal((await board.current()).problems.length, 0);
  assert.equal(gauge("critical"), 0);
  assert.deepEqual(
    events.map(({ event, lastedMs }) => [event, lastedMs]),
    [
      ["problem", undefined],
      ["problem over", 2_300],
    ],
  );
  board.close();
});

test("a problem that goes and comes within a second is logged once", async () => {
  let isThere = true;
  const { board, events, second } = setup(() => (isThere ? [finding("/svc/a")] : []));
  for (let i = 0; i < 10; i++) {
    isThere = !isThere;
    await second();
  }
  assert.equal(events.filter(({ event }) => event === "problem").length, 1);
  board.close();
});

test("the worst come first, and of each severity 200 are kept", async () => {
  const { board, second } = setup(function* find() {
    for (let i = 0; i < 300; i++) yield finding(`/svc/${i}`, { severity: "notice" });
    yield null;
    yield finding("/svc/worst");
  });
  await second();
  const { problems, more } = await board.current();
  assert.equal(problems[0]?.id, "no-addresses /svc/worst");
  assert.deepEqual([problems.length, more], [201, 100]);
  const rule = lintRules(await board.current()).find((each) => each.rule === "no-addresses");
  assert.equal(rule?.issues.length, 201);
  board.close();
});

test("detectors learn what is shown already", async () => {
  const asked: boolean[] = [];
  const { board, second } = setup((isShown) => {
    asked.push(isShown("no-addresses /svc/a"));
    return [finding("/svc/a")];
  });
  await second();
  await second();
  assert.deepEqual(asked, [false, true]);
  board.close();
});

test("a detector that throws is logged, and the board goes on", async () => {
  let isBroken = true;
  const { board, events, second } = setup(function* find() {
    yield finding("/svc/a");
    if (isBroken) throw new Error("oh");
    yield finding("/svc/b");
  });
  await second();
  assert.equal((await board.current()).problems.length, 1);
  assert.equal(events[0]?.event, "the search for problems failed");
  isBroken = false;
  await second();
  assert.equal((await board.current()).problems.length, 2);
  board.close();
});
