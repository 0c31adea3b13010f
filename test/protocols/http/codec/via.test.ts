import assert from "node:assert/strict";
import { test } from "node:test";
import { hopsIn, viaAfter } from "../../../../protocols/http/codec/via.ts";

test("hops are the items of the list, without empty ones", () => {
  assert.equal(hopsIn("1.1 a"), 1);
  assert.equal(hopsIn("1.1 a,1.0 b , 1.1 c"), 3);
  assert.equal(hopsIn(" , 1.1 a,,\t, 1.1 b,"), 2);
});

test("commas within comments separate nothing", () => {
  assert.equal(hopsIn("1.1 a (x, y, z), 1.1 b (v1 (beta, really), old), 1.1 c"), 3);
  assert.equal(hopsIn("1.1 a (smile \\), x, \\( y), 1.1 b"), 2);
});

test("a comment that is never closed hides no hops", () => {
  assert.equal(hopsIn("1.1 a (x, 1.1 b, 1.1 c"), 3);
  assert.equal(hopsIn("1.1 a (x\\), 1.1 b"), 2);
  let via = "1.1 evil (";
  for (let hop = 0; hop < 10; hop++) via = viaAfter(via, "1.1");
  assert.equal(hopsIn(via), 11);
});

test("a list of nothing but parentheses is counted in linear time", () => {
  assert.equal(hopsIn("(".repeat(1_000_000)), 1);
});
