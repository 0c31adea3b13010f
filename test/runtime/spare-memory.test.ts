// Memory of messages that are gone serves the next ones, and goes when nobody needs it.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  giveRoom,
  giveSlab,
  slabBytes,
  spareMemoryBytes,
  takeRoom,
  takeSlab,
  trimSpareMemory,
} from "../../src/runtime/spare-memory.ts";

const mebi = 1024 * 1024;

test("slabs and rooms are used again, rooms by messages of at least half their length", () => {
  const slab = takeSlab();
  giveSlab(slab);
  assert.equal(takeSlab(), slab);
  const room = takeRoom(10 * mebi);
  giveRoom(room);
  assert.notEqual(takeRoom(4 * mebi), room);
  assert.notEqual(takeRoom(11 * mebi), room);
  assert.equal(takeRoom(6 * mebi), room);
});

test("a short room is left to the collector", () => {
  const before = spareMemoryBytes();
  giveRoom(takeRoom(100_000));
  assert.equal(spareMemoryBytes(), before);
});

test("what nobody has needed lately goes by halves, down to 16 MiB; what was in use stays", () => {
  const taken = Array.from({ length: 1_024 }, () => takeSlab());
  for (const slab of taken) giveSlab(slab);
  trimSpareMemory(); // from here on it is known who needs it
  const all = spareMemoryBytes();
  assert.ok(all >= 1_024 * slabBytes);
  const needed = Array.from({ length: 512 }, () => takeSlab());
  for (const slab of needed) giveSlab(slab);
  trimSpareMemory();
  assert.equal(spareMemoryBytes(), all - (all - 512 * slabBytes) / 2);
  for (let i = 0; i < 20; i++) trimSpareMemory();
  assert.equal(spareMemoryBytes(), 16 * mebi);
});
