import assert from "node:assert/strict";
import { test } from "node:test";
import { canonicalIp } from "../../../src/naming/built-in/ip.ts";

const cases: readonly (readonly [string, string | null])[] = [
  ["127.0.0.1", "127.0.0.1"],
  ["127.1", "127.0.0.1"],
  ["10.1.258", "10.1.1.2"],
  ["2130706433", "127.0.0.1"],
  ["0x7f.1", "127.0.0.1"],
  ["010.0.0.1", "8.0.0.1"],
  ["255.255.255.255", "255.255.255.255"],
  ["256.1", null],
  ["1.2.3.256", null],
  ["4294967296", null],
  ["1.2.3.4.5", null],
  ["1.2.3.", null],
  ["08.0.0.1", null],
  ["", null],
  ["web", null],
  ["1e3", null],
  ["::1", "::1"],
  ["0:0:0:0:0:0:0:1", "::1"],
  ["2001:DB8::1", "2001:db8::1"],
  ["::ffff:1.2.3.4", "::ffff:1.2.3.4"],
  [":::", null],
  ["a:80", null],
];

for (const [text, expected] of cases) {
  test(`'${text}' is ${expected ?? "no IP address"}`, () => {
    assert.equal(canonicalIp(text), expected);
  });
}
