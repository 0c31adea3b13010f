// A watched service as `/namer_state` shows it: the shape of Linkerd's, and how stale it is.
import type { WatchReport } from "./watch-spec.ts";
import type { Instance } from "./instances.ts";

export function serviceJson({
  report,
  instances,
}: {
  readonly report: WatchReport;
  readonly instances: readonly Instance[];
}): Readonly<Record<string, unknown>> {
  return {
    state: {
      running: report.isRunning,
      lastStartedAt: shownTime(report.startedAtMs),
      lastStoppedAt: shownTime(report.stoppedAtMs),
      lastUpdatedAt: shownTime(report.updatedAtMs),
      value: instances,
    },
    poll: pollJson(report),
  };
}

export function pollJson(report: WatchReport): Readonly<Record<string, unknown>> {
  return {
    mode: report.mode,
    lastRequestAt: shownTime(report.askedAtMs),
    lastResponseAt: shownTime(report.answeredAtMs),
    index: report.index,
    error: report.problem,
    staleMs: Math.round(report.staleMs),
    ...(report.isInDoubt ? { inDoubt: "Consul lost it; the last good value is kept a while" } : {}),
  };
}

function shownTime(wallMs: number | null): string | null {
  return wallMs === null ? null : new Date(wallMs).toISOString();
}
