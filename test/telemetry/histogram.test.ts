import { test } from "node:test";
import assert from "node:assert/strict";
import { seeded } from "../support/random.ts";
import { percentiles, WindowedHistogram } from "../../src/telemetry/histogram.ts";

const shapes: Readonly<Record<string, (random: () => number) => number>> = {
  "log-uniform to 1.6 million": (random) => Math.floor(Math.exp(random() * Math.log(1.6e6))),
  "uniform to 100": (random) => Math.floor(random() * 100),
  "two humps": (random) => Math.floor(random() < 0.98 ? 3 + random() * 4 : 900 + random() * 400),
  constant: () => 777,
};

for (const [shape, draw] of Object.entries(shapes)) {
  test(`percentiles are within 1.6 % of the exact ones: ${shape}`, () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    const random = seeded(seed);
    const histogram = new WindowedHistogram({ slice: 0 });
    const values = Array.from({ length: 20_000 }, () => draw(random));
    for (const value of values) histogram.record(value);
    values.sort((a, b) => a - b);
    const summary = histogram.summary();
    for (const [index, share] of percentiles.entries()) {
      const exact = values[Math.ceil(share * values.length) - 1]!;
      const off = Math.abs(summary.atPercentile[index]! - exact);
      assert.ok(off <= exact * 0.016, `seed ${seed}: p${share} is ${off} off ${exact}`);
    }
    assert.equal(summary.count, values.length);
    assert.equal(
      summary.sum,
      values.reduce((sum, value) => sum + value, 0),
    );
    assert.equal(summary.min, values[0]);
    assert.equal(summary.max, values.at(-1));
  });
}

test("small values are exact", () => {
  const histogram = new WindowedHistogram({ slice: 0 });
  for (let value = 0; value < 64; value += 1) histogram.record(value);
  assert.deepEqual(histogram.summary().atPercentile, [31, 57, 60, 63, 63, 63]);
});

test("an empty histogram is all zeros", () => {
  assert.deepEqual(new WindowedHistogram({ slice: 0 }).summary(), {
    count: 0,
    sum: 0,
    min: 0,
    max: 0,
    avg: 0,
    atPercentile: [0, 0, 0, 0, 0, 0],
  });
});

test("invalid and huge samples do no harm", () => {
  const histogram = new WindowedHistogram({ slice: 0 });
  for (const value of [-1, Number.NaN, 2.75, 2 ** 32, 2 ** 40, Infinity]) histogram.record(value);
  assert.equal(histogram.summary().count, 6);
  assert.equal(histogram.summary().min, 0);
  assert.deepEqual(histogram.since([0, 2, 3, 2 ** 33]).atMost, [2, 3, 3, 6]);
});

test("a sample is shown immediately, during its slice and five more, and then no longer", () => {
  const slices = { slice: 0 };
  const histogram = new WindowedHistogram(slices);
  histogram.record(40);
  assert.equal(histogram.summary().count, 1);
  slices.slice = 5;
  histogram.record(50);
  assert.equal(histogram.summary().count, 2);
  assert.equal(histogram.summary().min, 40);
  slices.slice = 6;
  assert.equal(histogram.summary().count, 1);
  assert.equal(histogram.summary().min, 50);
  slices.slice = 11;
  assert.equal(histogram.summary().count, 0);
});

test("slices add up, whatever the size of their counts", () => {
  const slices = { slice: 0 };
  const histogram = new WindowedHistogram(slices);
  for (const [slice, value] of [5, 100_000, 7, 3_000, 1, 60].entries()) {
    slices.slice = slice;
    histogram.record(value);
  }
  const { count, sum, min, max } = histogram.summary();
  assert.deepEqual({ count, sum, min, max }, { count: 6, sum: 103_073, min: 1, max: 100_000 });
  assert.deepEqual(histogram.since([5, 100, 1e6]).atMost, [2, 4, 6]);
});

test("totals since the start include samples older than the window", () => {
  const slices = { slice: 0 };
  const histogram = new WindowedHistogram(slices);
  for (let slice = 0; slice < 100; slice += 1) {
    slices.slice = slice;
    histogram.record(slice);
    histogram.record(1_000);
  }
  const { atMost, count, sum } = histogram.since([9, 49, 900, 1_000]);
  assert.deepEqual(atMost, [10, 50, 100, 200]);
  assert.equal(count, 200);
  assert.equal(sum, 4_950 + 100_000);
});

test("a bound counts every value up to it, but no value that is 3.2 % larger", () => {
  for (const bound of [1, 63, 64, 65, 100, 500, 1_000, 5_000, 60_000, 1e9]) {
    const histogram = new WindowedHistogram({ slice: 0 });
    histogram.record(bound);
    histogram.record(Math.ceil(bound * 1.032) + 1);
    assert.deepEqual(histogram.since([bound]).atMost, [1], `bound ${bound}`);
  }
});
