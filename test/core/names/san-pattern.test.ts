import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSanPattern } from "../../../src/core/names/san-pattern.ts";

function matches(pattern: string, name: string): boolean {
  const parsed = parseSanPattern(pattern);
  return parsed.ok ? parsed.value.matches(name) : assert.fail(parsed.error.message);
}

test("a pattern is the whole name, with * inside one part", () => {
  const uri = "spiffe://example.com/ns/prod/web";
  const good = [uri, "spiffe://example.com/ns/*/web", "spiffe://*.com/ns/prod/w*b"];
  for (const pattern of good) assert.ok(matches(pattern, uri), pattern);
  const bad = [
    "spiffe://example.com/ns/prod",
    "spiffe://example.com/*",
    "spiffe://example.com/ns/prod/we",
    `${uri}/x`,
    "spiffe://example.com/ns/prod/web*b",
  ];
  for (const pattern of bad) assert.ok(!matches(pattern, uri), pattern);
});

test("** as the last part stands for all that follows, which must be something", () => {
  assert.ok(matches("spiffe://example.com/**", "spiffe://example.com/ns/prod/web"));
  assert.ok(!matches("spiffe://example.com/**", "spiffe://example.com"));
  assert.ok(!matches("spiffe://example.com/**", "spiffe://example.com.evil/ns"));
});

test("parts of DNS names end at dots, and their case does not count", () => {
  assert.ok(matches("*.Users.test", "a.users.test"));
  assert.ok(!matches("*.users.test", "a.b.users.test"));
  assert.ok(!matches("*", "users.test"));
});

test("patterns that are not bounded or not printable are refused", () => {
  for (const text of ["", "a b", "a*b*c", "**/x", "x".repeat(257), "\u00e4"]) {
    assert.ok(!parseSanPattern(text).ok, text);
  }
});

test("a hostile name takes no longer than its length", () => {
  const name = `spiffe://${"a".repeat(100_000)}`;
  assert.ok(!matches(`spiffe://a*${"a".repeat(200)}b`, name));
});
