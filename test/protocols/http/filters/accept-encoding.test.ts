import assert from "node:assert/strict";
import { test } from "node:test";
import { acceptedCoding } from "../../../../protocols/http/filters/accept-encoding.ts";

const cases: readonly (readonly [string | null, "gzip" | "deflate" | null])[] = [
  [null, null],
  ["", null],
  ["identity", null],
  ["br, zstd", null],
  ["gzip", "gzip"],
  ["GZIP", "gzip"],
  ["x-gzip", "gzip"],
  ["deflate", "deflate"],
  ["gzip, deflate, br", "gzip"],
  ["deflate, gzip;q=0.9", "deflate"],
  ["gzip;q=0", null],
  ["gzip;q=0, *", "deflate"],
  ["gzip;q=0, deflate;q=0, *", null],
  ["*", "gzip"],
  ["*;q=0", null],
  ["*;q=0, deflate;q=0.001", "deflate"],
  ["gzip ; q=0.5 , deflate ; q=0.8", "deflate"],
  ["gzip;q=much", null],
  ["gzip;q=2", null],
];

test("the coding with the highest quality is chosen, gzip among equals", () => {
  for (const [field, coding] of cases) assert.equal(acceptedCoding(field), coding, String(field));
});
