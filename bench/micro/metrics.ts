// The cost of metrics: recording into a histogram, a counter, and the two pages that read them.
// Run: node dist/bench/micro/metrics.js
import { performance } from "node:perf_hooks";
import type { TextPage } from "../../src/core/text-page.ts";
import { metricsJson } from "../../src/telemetry/metrics-json.ts";
import { openMetrics } from "../../src/telemetry/metrics.ts";
import { prometheusPage } from "../../src/telemetry/exporters/prometheus.ts";

const metrics = openMetrics({ nowMs: () => 0, wallMs: () => 0, after: () => () => {} });
const rounds = 5;
const values = Uint32Array.from({ length: 1 << 16 }, (_, index) =>
  Math.floor(Math.exp((((index * 40_503) % 65_536) / 65_536) * Math.log(1.6e6))),
);

/** The best of a few rounds, because the machine may be busy. */
function nsEach(times: number, run: (times: number) => void): number {
  let best = Infinity;
  for (let round = 0; round < rounds; round += 1) {
    const startMs = performance.now();
    run(times);
    best = Math.min(best, ((performance.now() - startMs) * 1e6) / times);
  }
  return best;
}

function row(what: string, ns: number, budgetNs: number): void {
  const verdict = ns <= budgetNs ? "ok" : "OVER BUDGET";
  console.log(`${what.padEnd(44)} ${ns.toFixed(1).padStart(12)} ns  (<= ${budgetNs}) ${verdict}`);
}

const histogram = metrics.stats.histogram("bench", "latency_ms");
row(
  "histogram.record",
  nsEach(5_000_000, (times) => {
    for (let index = 0; index < times; index += 1) histogram.record(values[index & 65_535] ?? 0);
  }),
  20,
);
const counter = metrics.stats.counter("bench", "requests");
row(
  "counter.value += 1",
  nsEach(20_000_000, (times) => {
    for (let index = 0; index < times; index += 1) counter.value += 1;
  }),
  5,
);

const router = metrics.stats.scope("rt", "http");
for (let index = 0; index < 500; index += 1) {
  const service = router.scope("service", `svc/${index}`);
  for (const name of ["requests", "success", "failures", "pending"])
    service.counter(name).value = 1;
  const latency = service.histogram("request_latency_ms");
  for (let sample = 0; sample < 100; sample += 1) latency.record(values[sample] ?? 0);
}
/** From the first metric to the last piece of text. */
async function nsOfPage(render: () => Promise<TextPage | null>): Promise<number> {
  let best = Infinity;
  for (let round = 0; round < rounds; round += 1) {
    const startMs = performance.now();
    const page = await render();
    for (const piece of page?.pieces() ?? []) bytes += piece.length;
    best = Math.min(best, (performance.now() - startMs) * 1e6);
  }
  return best;
}
let bytes = 0;

const all = { isPretty: false, isTree: true, below: null };
row("metrics.json, 500 services", await nsOfPage(() => metricsJson(metrics.root, all)), 50e6);
row("prometheus page, 500 services", await nsOfPage(() => prometheusPage(metrics.root, "")), 50e6);
metrics.close();
