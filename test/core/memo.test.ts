import assert from "node:assert/strict";
import { test } from "node:test";
import { memoized } from "../../src/core/memo.ts";

/** A function that is remembered, and what it was asked. */
function counted(maxEntries: number, longestKey?: number) {
  const asked: string[] = [];
  const make = (key: string) => {
    asked.push(key);
    return { key };
  };
  return { asked, of: memoized(maxEntries, make, longestKey) };
}

test("a value is made once and the same one given again", () => {
  const { asked, of } = counted(8);
  assert.equal(of("a"), of("a"));
  assert.deepEqual(asked, ["a"]);
});

test("the last half of the bound is always remembered", () => {
  const { asked, of } = counted(8);
  for (const key of "abcdefgh") of(key);
  asked.length = 0;
  for (const key of "efgh") of(key);
  assert.deepEqual(asked, []);
});

test("what is asked again and again survives a flood of other keys", () => {
  const { asked, of } = counted(8);
  const first = of("kept");
  for (let i = 0; i < 100; i++) {
    of(`other-${i}`);
    assert.equal(of("kept"), first);
  }
  assert.equal(asked.filter((key) => key === "kept").length, 1);
});

test("no more than the bound is remembered", () => {
  const { asked, of } = counted(8);
  for (let i = 0; i < 1000; i++) of(String(i));
  asked.length = 0;
  for (let i = 999; i >= 0; i--) of(String(i));
  assert.ok(asked.length >= 1000 - 8, `${1000 - asked.length} were remembered`);
});

test("a key that is too long gets its value, which is not remembered", () => {
  const { asked, of } = counted(8, 3);
  of("long");
  of("long");
  assert.deepEqual(asked, ["long", "long"]);
});
