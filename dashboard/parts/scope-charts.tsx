// The last ten minutes of one server, service or client.
import type { ScopeDetail } from "../../src/admin/dashboard/shapes.ts";
import { figure, percent } from "../data/words.ts";
import { Chart } from "./chart.tsx";

export function ScopeCharts({ detail }: { readonly detail: ScopeDetail }) {
  const { history, at, row } = detail;
  const { calls = [], successes = [], failures = [], retries = [], pending = [] } = history.curves;
  const { p50 = [], p95 = [], p99 = [] } = history.curves;
  if (calls.length === 0) {
    return (
      <p class="dim">There are no curves yet: they begin within five seconds of the first call.</p>
    );
  }
  const time = { lastSeconds: Date.parse(at) / 1_000, periodSeconds: history.periodMs / 1_000 };
  const success = successes.map((good, i) => {
    const bad = failures[i] ?? 0;
    return good === null || good + bad === 0 ? null : good / (good + bad);
  });
  const again = row.kind === "client" ? "requeues" : "retries";
  return (
    <div class="charts">
      <Chart
        {...time}
        title="Calls"
        unit="a second"
        atLeast={0.2}
        show={figure}
        lines={[
          { label: "calls", curve: calls, colour: "accent", isFilled: true },
          { label: "failures", curve: failures, colour: "bad", isFilled: true },
          ...(row.kind === "server"
            ? []
            : [{ label: again, curve: retries, colour: "warn" } as const]),
        ]}
      />
      <Chart
        {...time}
        title="Success"
        unit="share of calls"
        range={[floorOf(success), 1.002]}
        show={(value) => (value > 1 ? "" : percent(value))}
        lines={[{ label: "success", curve: success, colour: "accent" }]}
      />
      <Chart
        {...time}
        title="Latency"
        unit="ms"
        show={figure}
        lines={[
          { label: "p50", curve: p50, colour: "dim" },
          { label: "p95", curve: p95, colour: "accent" },
          { label: "p99", curve: p99, colour: "ink" },
        ]}
      />
      <Chart
        {...time}
        title="In flight"
        unit="calls"
        show={figure}
        lines={[{ label: "in flight", curve: pending, colour: "accent", isFilled: true }]}
      />
    </div>
  );
}

/** Where the scale begins: a dip of one percent should be seen, and one of fifty should fit. */
function floorOf(success: readonly (number | null)[]): number {
  const lowest = Math.min(1, ...success.map((value) => value ?? 1));
  return [0.95, 0.8, 0.5].find((floor) => floor <= lowest) ?? 0;
}
