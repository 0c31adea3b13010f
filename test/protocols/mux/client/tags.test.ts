// The tags of a session: few, and none of them twice.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Tags } from "../../../../protocols/mux/client/tags.ts";
import { seeded } from "../../../support/random.ts";

test("tags begin at 2, and one that was given back is taken again first", () => {
  const tags = new Tags<string>(10);
  assert.deepEqual(
    ["a", "b", "c"].map((each) => tags.take(each)),
    [2, 3, 4],
  );
  assert.equal(tags.release(3), "b");
  assert.equal(tags.release(3), null);
  assert.equal(tags.take("d"), 3);
  assert.equal(tags.get(3), "d");
  assert.equal(tags.get(99), null);
  assert.equal(tags.get(0), null);
});

test("taken and given back at random, no tag has two holders", () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const random = seeded(seed);
  const tags = new Tags<number>(50);
  const held = new Map<number, number>();
  for (let i = 0; i < 10_000; i++) {
    if (!tags.isFull && random() < 0.55) {
      const tag = tags.take(i);
      assert.ok(!held.has(tag), `seed ${seed}: tag ${tag} twice`);
      held.set(tag, i);
    } else {
      const tag = 2 + Math.floor(random() * 60);
      assert.equal(tags.release(tag), held.get(tag) ?? null, `seed ${seed}`);
      held.delete(tag);
    }
    assert.equal(tags.count, held.size);
  }
  assert.deepEqual(tags.releaseAll().sort(), [...held.values()].sort());
  assert.equal(tags.count, 0);
});
