// Hostile bytes: nothing throws, nothing depends on the split, nothing good stands behind bad.
import assert from "node:assert/strict";
import { test } from "node:test";
import { seeded } from "../../support/random.ts";
import { mutated, randomAnswer, randomRequests } from "./generate.ts";
import { responseBytes, serveBytes } from "./harness.ts";

const budgetMs = Number(process.env["FUZZ_MS"] ?? 1_500);

/** Cuts in up to five pieces. */
function split(text: string, random: () => number): string[] {
  const cuts = Array.from({ length: Math.floor(random() * 5) }, () =>
    Math.floor(random() * text.length),
  );
  const ends = [...cuts.sort((a, b) => a - b), text.length];
  return ends.map((end, i) => text.slice(ends[i - 1] ?? 0, end)).filter((piece) => piece !== "");
}

test("damaged requests are read the same in whatever pieces they arrive", (t) => {
  const seed = Number(process.env["SEED"] ?? 20_240_603);
  t.diagnostic(`seed ${seed}`);
  const random = seeded(seed);
  const untilMs = performance.now() + budgetMs;
  let count = 0;
  for (; performance.now() < untilMs; count++) {
    const bytes = mutated(randomRequests(random), random);
    if (bytes === "") continue;
    const whole = serveBytes([bytes]);
    const pieces = split(bytes, random);
    // A message after `close` or an error is not read: then only what was answered counts.
    assert.deepEqual(
      serveBytes(pieces),
      whole,
      `${JSON.stringify(bytes)} as ${JSON.stringify(pieces)}`,
    );
    const bad = whole.statuses.findIndex((status) => status !== 200);
    assert.ok(bad < 0 || bad === whole.statuses.length - 1, "nothing is answered after a refusal");
    assert.ok(bad < 0 || whole.isClosing, "and the connection closes");
  }
  assert.ok(count > 50, `${count} tried`);
});

test("damaged responses are read the same in whatever pieces they arrive", (t) => {
  const seed = Number(process.env["SEED"] ?? 20_240_604);
  t.diagnostic(`seed ${seed}`);
  const random = seeded(seed);
  const untilMs = performance.now() + budgetMs;
  let count = 0;
  for (; performance.now() < untilMs; count++) {
    const bytes = mutated(randomAnswer(random), random);
    if (bytes === "") continue;
    const whole = responseBytes([bytes], {}, "fin");
    const pieces = split(bytes, random);
    const cut = responseBytes(pieces, {}, "fin");
    const how = `${JSON.stringify(bytes)} as ${JSON.stringify(pieces)}`;
    assert.equal(whole.isOver, true, how);
    assert.equal(cut.failure?.kind, whole.failure?.kind, how);
    if (whole.failure === null) assert.deepEqual(cut.answer, whole.answer, how);
    assert.deepEqual(cut.interims, whole.interims, how);
  }
  assert.ok(count > 50, `${count} tried`);
});

test("random bytes are refused, never accepted and never fatal", (t) => {
  const seed = Number(process.env["SEED"] ?? 20_240_605);
  t.diagnostic(`seed ${seed}`);
  const random = seeded(seed);
  for (let i = 0; i < 2_000; i++) {
    const length = 1 + Math.floor(random() * 200);
    const bytes = Array.from({ length }, () => String.fromCharCode(random() * 256)).join("");
    assert.deepEqual(serveBytes([`${bytes}\r\n\r\n`]).requests, [], JSON.stringify(bytes));
    assert.equal(responseBytes([bytes], {}, "fin").answer, null, JSON.stringify(bytes));
  }
});
