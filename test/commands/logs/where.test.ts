// The language of `switchyard logs cat --where`.
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseWhere } from "../../../src/commands/logs/where/where.ts";

const call = {
  time: "2024-01-31T22:59:58.000Z",
  router: "out",
  status: 503,
  durationMs: 12.5,
  path: "/svc/users",
  userAgent: "curl/8 (x)",
  failure: null,
  oneway: false,
};

function holds(expression: string, of: Readonly<Record<string, unknown>> = call): boolean {
  const condition = parseWhere(expression);
  return typeof condition === "string" ? assert.fail(condition) : condition(of);
}

for (const [expression, expected] of [
  ["status>=500", true],
  ["status = 503", true],
  ["status == 503 && router = out", true],
  ["status != 503", false],
  ["status < 503 or durationMs > 12", true],
  ["status < 503 and durationMs > 12", false],
  ["not status < 503", true],
  ["! (status < 503 || durationMs > 100)", true],
  ["not not router = in", false],
  ["router = in or status = 503 and durationMs = 12.5", true],
  ["(router = in or status = 503) and durationMs = 1", false],
  ["path ~ users", true],
  ["path !~ users", false],
  ["path=/svc/users", true],
  ["path < /svc/v", true],
  ['userAgent = "curl/8 (x)"', true],
  ["userAgent ~ '8 ('", true],
  ["failure = null", true],
  ["failure != null", false],
  ["path = 'null'", false],
  ["oneway = false", true],
  ["oneway != true", true],
  ["time > 2024-01-31", true],
  ["time >= 2024-01-31T22:59:58", true],
  ["time > 2024-01-31T23:59:58+01:00", false],
  ["time < 2024-02-01T00:00Z", true],
] as const) {
  test(`${expression} ${expected ? "holds" : "does not hold"}`, () => {
    assert.equal(holds(expression), expected);
    assert.equal(
      holds(expression, { ...call, time: Date.parse(call.time) }),
      expected,
      "as in Avro",
    );
  });
}

test("what a call does not have is neither less nor more, and contains nothing", () => {
  for (const expression of ["status < 500", "status >= 500", "path ~ users", "time > 2024-01-01"]) {
    assert.equal(holds(expression, {}), false, expression);
  }
  for (const expression of ["status = null", "status != 500", "path !~ users"]) {
    assert.equal(holds(expression, {}), true, expression);
  }
});

for (const [expression, problem, column] of [
  ["stauts>=500", "there is no field stauts; did you mean status?", 1],
  ["status >= 500 and", "expected a field such as status, got the end", 18],
  ["status", "expected =, !=, <, <=, >, >=, ~ or !~ after status, got the end", 7],
  ["status >=", "expected a value after >=, got the end", 10],
  ["status >= 500x", "status is a number, and 500x is not", 11],
  ["status ~ 50", "~ looks into text, and status is none: use = or <", 8],
  ["path < null", "null is neither less nor more: use = or !=", 6],
  ["oneway = yes", "oneway is true or false, not yes", 10],
  ["time > yesterday", "yesterday is not a time such as 2024-01-31T22:59:58Z", 8],
  ["(status = 500", "expected ) before the end", 14],
  ["status = 500)", "there is no ( for this )", 13],
  ["status = 500 router = out", "expected and or or before router", 14],
  ["path = 'users", "the text that begins with ' does not end", 8],
  ["status & 500", "& has no meaning here; write it in quotes", 8],
  ["status ! 500", "! is no comparison", 8],
] as const) {
  test(`${expression} is refused, with the place`, () => {
    const told = parseWhere(expression);
    assert.equal(
      told,
      `${problem} (column ${column})\n  ${expression}\n  ${" ".repeat(column - 1)}^`,
    );
  });
}

test("an expression is bounded in length and in depth", () => {
  assert.match(
    String(parseWhere(`path = ${"x".repeat(2_000)}`)),
    /may have 2000 characters, not 2007/,
  );
  assert.match(String(parseWhere(`${"(".repeat(60)}status = 1`)), /more than 50 levels/);
  assert.match(String(parseWhere(`${"not ".repeat(400)}status = 1`)), /more than 50 levels/);
});
