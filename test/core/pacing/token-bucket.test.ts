import assert from "node:assert/strict";
import { test } from "node:test";
import { TokenBucket } from "../../../src/core/pacing/token-bucket.ts";

test("a burst goes immediately, and then one token comes every so often", () => {
  const bucket = new TokenBucket({ perSec: 10, burst: 3 });
  assert.deepEqual(
    [0, 0, 0].map((nowMs) => bucket.take(nowMs)),
    [0, 0, 0],
  );
  assert.equal(bucket.take(40), 60);
  assert.equal(bucket.take(100), 0);
  assert.equal(bucket.take(100), 100);
});

test("a refused token is not spent, a reserved one is", () => {
  const refusing = new TokenBucket({ perSec: 10, burst: 1 });
  assert.equal(refusing.take(0), 0);
  assert.equal(refusing.take(0), 100);
  assert.equal(refusing.take(0), 100);
  const reserving = new TokenBucket({ perSec: 10, burst: 1 });
  assert.equal(reserving.reserve(0), 0);
  assert.equal(reserving.reserve(0), 100);
  assert.equal(reserving.reserve(0), 200);
});

test("a quiet time fills a bucket no higher than its burst", () => {
  const bucket = new TokenBucket({ perSec: 10, burst: 2 });
  const waits = Array.from({ length: 4 }, () => bucket.reserve(60_000));
  assert.deepEqual(waits, [0, 0, 100, 200]);
});
