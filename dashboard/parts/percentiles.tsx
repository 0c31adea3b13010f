// The last minute of one scope in one line.
import type { ScopeDetail } from "../../src/admin/dashboard/shapes.ts";
import { figure, percent, rate } from "../data/words.ts";
import { successClass } from "./row-line.tsx";

export function Percentiles({ detail: { row, latencyMs } }: { readonly detail: ScopeDetail }) {
  const figures: (readonly [name: string, value: string, tone?: string | undefined])[] = [
    ["calls/s", rate(row.perSecond)],
    ["success", percent(row.success), successClass(row)],
    ["in flight", figure(row.pending)],
    ["p50", ms(latencyMs?.p50)],
    ["p90", ms(latencyMs?.p90)],
    ["p95", ms(latencyMs?.p95)],
    ["p99", ms(latencyMs?.p99)],
    ["p999", ms(latencyMs?.p999)],
    ["max", ms(latencyMs?.max)],
    ["avg", ms(latencyMs?.avg)],
    ["calls since the start", figure(row.calls)],
  ];
  return (
    <dl class="figures" aria-label="The last minute; latencies in milliseconds">
      {figures.map(([name, value, tone]) => (
        <div>
          <dt>{name}</dt>
          <dd class={tone}>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

const ms = (value: number | undefined) => (value === undefined ? "–" : `${figure(value)} ms`);
