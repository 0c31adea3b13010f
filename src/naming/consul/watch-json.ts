// A watched service as `/namer_state` shows it: in the shape of Linkerd's, with its staleness added.
import type { WatchReport } from "./watch-spec.ts";
import type { Instance } from "../discovery/instance.ts";

export function serviceToJson({
  report,
  instances,
}: {
  readonly report: WatchReport;
  readonly instances: readonly Instance[];
}): Readonly<Record<string, unknown>> {
  return {
    state: {
      running: report.isRunning,
      lastStartedAt: isoTime(report.startedAtMs),
      lastStoppedAt: isoTime(report.stoppedAtMs),
      lastUpdatedAt: isoTime(report.updatedAtMs),
      value: instances,
    },
    poll: pollToJson(report),
  };
}

export function pollToJson(report: WatchReport): Readonly<Record<string, unknown>> {
  return {
    mode: report.mode,
    lastRequestAt: isoTime(report.queriedAtMs),
    lastResponseAt: isoTime(report.respondedAtMs),
    index: report.index,
    error: report.problem,
    staleMs: Math.round(report.staleMs),
    ...(report.isInDoubt
      ? { inDoubt: "Consul no longer has it; the last good value is kept for now" }
      : {}),
  };
}

function isoTime(wallMs: number | null): string | null {
  return wallMs === null ? null : new Date(wallMs).toISOString();
}
