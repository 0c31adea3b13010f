import assert from "node:assert/strict";
import { test } from "node:test";
import { nearest } from "../../src/config/suggest.ts";

const known = [
  "bindingTimeoutMs",
  "dtab",
  "io.l5d.consul",
  "io.l5d.fs",
  "label",
  "port",
  "routers",
  "servers",
];

const cases: readonly (readonly [string, string | null])[] = [
  ["lable", "label"],
  ["rooters", "routers"],
  ["server", "servers"],
  ["Port", "port"],
  ["binding_timeout_ms", "bindingTimeoutMs"],
  ["binding-timeout", "bindingTimeoutMs"],
  ["consul", "io.l5d.consul"],
  ["io.l5d.consol", "io.l5d.consul"],
  ["dtba", "dtab"],
  ["xyz", null],
  ["a", null],
  ["", null],
  ["tls", null],
  ["x".repeat(10_000), null],
];

for (const [word, meant] of cases) {
  test(`${word.slice(0, 20) || "nothing"} is ${meant === null ? "like no known word" : `taken for ${meant}`}`, () => {
    assert.equal(nearest(word, known), meant);
  });
}
