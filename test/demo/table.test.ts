import assert from "node:assert/strict";
import { test } from "node:test";
import { convert, parseTable } from "../../demo/table.ts";

test("an amount is rounded half up to the decimal places of its currency", () => {
  assert.equal(convert(1.005, 1, 2), 1.01);
  assert.equal(convert(100, 0.962557, 2), 96.26);
  assert.equal(convert(1.5, 1, 0), 2);
  assert.equal(convert(0.000001, 0.00005, 2), 0);
  assert.equal(convert(999_999_999, 163.06, 0), 163_059_999_837);
});

test("a table with an incomplete entry is a bug, not a rate of nothing", () => {
  const text = `{"date": "2024-12-31", "currencies": {"USD": {"name": "US dollar"}}}`;
  assert.throws(() => parseTable(text), /entry for USD is incomplete/);
});
