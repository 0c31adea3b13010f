// `npm run fuzz -- --minutes N [--seed S] [--protocol P] [--from I] [--count C]`: hostile callers and
// hostile endpoints, beside well-behaved ones. Exits with 1 and a small reproduction upon a finding.
// FUZZ_PROFILE=1 says in which functions a stall was spent.
import { parseArgs } from "node:util";
import { fuzz } from "./campaign.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "1" },
    seed: { type: "string" },
    protocol: { type: "string", default: "" },
    from: { type: "string", default: "0" },
    count: { type: "string", default: "Infinity" },
  },
});
const print = (line: string): void => void process.stdout.write(`${line}\n`);
const seed = Number(values.seed ?? Date.now() % 1_000_000);
print(`seed ${seed}`);
const { findings } = await fuzz({
  seed,
  forMs: Number(values.minutes) * 60_000,
  from: Number(values.from),
  maxCases: Number(values.count),
  protocol: values.protocol,
  report: print,
});
for (const finding of findings) print(`\nFOUND ${finding}`);
print(findings.length === 0 ? "nothing was found" : "");
process.exit(findings.length === 0 ? 0 : 1);
