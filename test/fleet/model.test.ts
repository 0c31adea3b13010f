// What a fleet makes of pages: merged percentiles, rates, restarts, and its limits.
import assert from "node:assert/strict";
import { test } from "node:test";
import { SeriesMemory } from "../../src/fleet/model/call-series.ts";
import { InstanceModel } from "../../src/fleet/model/instance.ts";
import { numbersInRing, Ring } from "../../src/fleet/model/history.ts";
import { Slabs } from "../../src/fleet/model/slab.ts";
import { Services } from "../../src/fleet/model/services.ts";
import type { CallRow, InstanceHeader, SliceRow } from "../../src/fleet/page/format.ts";
import { openMetrics } from "../../src/telemetry/metrics.ts";
import type { WindowedHistogram } from "../../src/telemetry/histogram.ts";
import { simulatedClock } from "../support/clock.ts";
import { seeded } from "../support/random.ts";

const startMs = 1_700_000_000_000;

class Fed {
  wallMs = startMs;
  readonly services = new Services();
  readonly budget = { max: 100, used: 0, refused: 0, memory: new SeriesMemory() };
  readonly model = new InstanceModel({
    wallMs: () => this.wallMs,
    keepsHistory: true,
    budget: this.budget,
    services: this.services,
  });
  #slice = 0;

  page(rows: readonly CallRow[], changes: Partial<InstanceHeader> = {}): void {
    this.#slice += 1;
    this.model.header({
      switchyardFleet: 1,
      run: "run-1",
      at: this.wallMs,
      startedAt: startMs - 1_000_000,
      slice: this.#slice,
      sliceMs: 10_000,
      name: null,
      version: "1",
      configHash: "x",
      configFile: null,
      notReady: null,
      routers: [{ label: "http", protocol: "http", servers: [] }],
      ...changes,
    });
    for (const row of rows) this.model.calls(row);
    this.model.ended();
  }

  figures(kind: "service" | "client" = "service", name = "/svc/x") {
    const series = this.model.routers.get("http")?.calls[kind].get(name);
    return series?.figures(this.wallMs);
  }
}

function row(requests: number, failures: number, slices: readonly SliceRow[] = []): CallRow {
  return [
    "service",
    0,
    "/svc/x",
    requests,
    requests - failures,
    failures,
    0,
    5,
    9,
    60,
    300,
    slices,
  ];
}

test("percentiles over two instances are those of all calls, not an average of two", () => {
  const clock = simulatedClock();
  const metrics = openMetrics(clock);
  const histogram = (name: string) => metrics.stats.histogram(name) as WindowedHistogram;
  const [one, two, both] = [histogram("one"), histogram("two"), histogram("both")];
  const random = seeded(7);
  for (let n = 0; n < 2_000; n++) {
    // The first is fast and busy, the second slow and idle: averages of their percentiles would be far off.
    const isFirst = n % 20 !== 0;
    const ms = Math.floor(isFirst ? random() * 20 : 500 + random() * 5_000);
    (isFirst ? one : two).record(ms);
    both.record(ms);
  }
  const expected = both.summary();
  clock.advance(10_000);
  const services = new Services();
  for (const each of [one, two]) {
    for (const { number, sum, max, counts } of each.slicesAfter(-1)) {
      const slice = [number, sum, max];
      counts.forEach((count, bucket) => count > 0 && slice.push(bucket, count));
      services.of("http", "/svc/x")?.add(slice, startMs);
    }
  }
  const merged = services.find("http", "/svc/x")?.lastMinute(startMs);
  assert.ok(merged);
  const [p50, p90, p95, p99, p999] = expected.atPercentile;
  assert.deepEqual(
    [merged.count, merged.maxMs, merged.p50, merged.p90, merged.p95, merged.p99, merged.p999],
    [expected.count, expected.max, p50, p90, p95, p99, p999],
  );
  assert.equal(merged.meanMs, expected.avg);
  metrics.close();
});

test("the rate is that of the last minute, from totals", () => {
  const fed = new Fed();
  fed.page([row(1_000_000, 0)]);
  for (let second = 0; second < 60; second += 5) {
    fed.wallMs += 5_000;
    fed.page([row(1_000_000 + (second + 5) * 10, (second + 5) * 1)]);
  }
  const figures = fed.figures();
  assert.ok(figures);
  assert.ok(Math.abs(figures.perSecond - 10) < 0.01, `10 a second, not ${figures.perSecond}`);
  assert.ok(Math.abs((figures.successRate ?? 0) - 0.9) < 0.001);
  fed.wallMs += 120_000;
  assert.equal(
    fed.figures()?.perSecond,
    0,
    "two minutes later nothing has been called for a minute",
  );
});

test("in the first seconds, the instance's own last minute counts", () => {
  const fed = new Fed();
  fed.page([row(1_000, 250)]);
  assert.equal(fed.figures()?.perSecond, 1, "60 calls in its last minute");
  assert.equal(fed.figures()?.successRate, 0.75);
});

test("a restarted process begins at zero, and nothing is counted twice", () => {
  const fed = new Fed();
  fed.page([row(500, 0, [[0, 100, 10, 5, 20]])]);
  fed.wallMs += 10_000;
  fed.page([row(500, 0, [[0, 100, 10, 5, 20]])]);
  assert.equal(
    fed.services.find("http", "/svc/x")?.lastHour(fed.wallMs)?.count,
    20,
    "slice 0 came twice",
  );
  fed.wallMs += 10_000;
  fed.page([row(30, 0, [[1, 100, 10, 5, 30]])], { run: "run-2", slice: 2 });
  fed.wallMs += 10_000;
  assert.equal(fed.figures()?.perSecond, 30 / 20, "30 calls in the 20 s that were watched");
  assert.equal(fed.services.find("http", "/svc/x")?.lastHour(fed.wallMs)?.count, 50);
});

test("what goes beyond the fleet's memory is left out and counted, and given back with the instance", () => {
  const fed = new Fed();
  const many = Array.from({ length: 150 }, (_, n): CallRow => {
    return ["client", 0, `/#/fs/${n}`, 1, 1, 0, 0, 0, 0, 0, 0, []];
  });
  fed.page(many);
  assert.deepEqual([fed.budget.used, fed.budget.refused], [100, 50]);
  fed.model.close();
  assert.equal(fed.budget.used, 0);
});

test("a router that left the configuration leaves the fleet", () => {
  const fed = new Fed();
  fed.page([row(1, 0)]);
  fed.page([], { routers: [] });
  assert.equal(fed.model.routers.size, 0);
  assert.equal(fed.budget.used, 0);
});

test("a ring empties the slots that it skipped", () => {
  const slabs = new Slabs<Float32Array>(numbersInRing, (length) => new Float32Array(length));
  const ring = new Ring(slabs.take(), 10_000);
  const neighbour = new Ring(slabs.take(), 10_000);
  neighbour.add(0, 9, 9);
  const lastSix = (wallMs: number) =>
    ring
      .points(wallMs)
      .slice(-6)
      .map(({ requests }) => requests);
  ring.add(0, 5, 1);
  ring.add(50_000, 7, 0);
  assert.deepEqual(lastSix(50_000), [5, 0, 0, 0, 0, 7]);
  ring.add(650_000, 1, 0);
  assert.deepEqual(lastSix(650_000), [0, 0, 0, 0, 0, 1]);
  assert.equal(ring.points(650_000)[0]?.requests, 0, "its place was used before");
  assert.deepEqual(lastSix(10_000_000), [0, 0, 0, 0, 0, 0]);
  assert.deepEqual(neighbour.points(0).at(-1), { atMs: 0, requests: 9, failures: 9 });
});

test("a place that is given back is empty for the next", () => {
  const slabs = new Slabs(4, (length) => new Float32Array(length));
  const place = slabs.take();
  place.values.fill(7, place.at, place.at + 4);
  slabs.giveBack(place);
  const again = slabs.take();
  assert.deepEqual(
    [again.at, ...again.values.subarray(again.at, again.at + 4)],
    [place.at, 0, 0, 0, 0],
  );
});
