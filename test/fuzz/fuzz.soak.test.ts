// A few seconds of `npm run fuzz`: odd and broken calls and responses harm no other caller.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzz } from "./campaign.ts";

const seed = Number(process.env["SEED"] ?? 20_261_128);
const forMs = Number(process.env["FUZZ_MS"] ?? 5_000);

test("hostile callers and endpoints neither stop the proxy, nor hold it up, nor reach other callers", async (t) => {
  const report = (line: string) => t.diagnostic(line);
  report(`seed ${seed}`);
  const options = { seed, forMs, from: 0, maxCases: Infinity, protocol: "", report };
  const { findings, cases, canaryCalls } = await fuzz(options);
  assert.deepEqual(findings, []);
  assert.ok(cases > 100 && canaryCalls > 50, `${cases} inputs, ${canaryCalls} calls`);
});
