// The process itself: its event loop, what calls hold, its files.
import { statSync } from "node:fs";
import { counterAt } from "./windows.ts";
import type { MetricsNode } from "../../telemetry/metrics.ts";
import type { Finding, Findings } from "./finding.ts";

/** Timers that late are noticed by every caller. */
const lateMs = 200;
/** So many of the last ten seconds must have been late; one is enough when it is this late. */
const lateSeconds = 2;
const veryLateMs = 2_000;
const keptSeconds = 10;
const fullShare = 0.9;

export interface ProcessNumbers {
  readonly root: MetricsNode;
  readonly heldBytes: number;
  readonly heldLimitBytes: number;
  readonly filesLimit: number;
}

/** Owned by the board: remembers the event loop's lag of the last seconds. */
export class ProcessHealth {
  readonly #lagMs: number[] = [];

  *findings({ root, heldBytes, heldLimitBytes, filesLimit }: ProcessNumbers): Findings {
    yield this.#late(gaugeAt(root, "process", "event_loop", "max_lag_ms"));
    yield held(heldBytes, heldLimitBytes);
    yield files(filesLimit);
    yield overflowed(counterAt(root, ["metrics", "overflowed"]));
  }

  #late(lagMs: number): Finding | null {
    this.#lagMs.push(lagMs);
    if (this.#lagMs.length > keptSeconds) this.#lagMs.shift();
    const late = this.#lagMs.filter((each) => each >= lateMs);
    const worstMs = Math.max(...this.#lagMs);
    if (late.length < lateSeconds && worstMs < veryLateMs) return null;
    return {
      kind: "event-loop-late",
      key: "",
      severity: worstMs >= veryLateMs ? "critical" : "warning",
      text: `The event loop was up to ${Math.round(worstMs)} ms late within the last ${keptSeconds} s: every call took that much longer.`,
      advice:
        "/admin/profile shows what takes the time; run more instances, or give this one more of a processor.",
      steps: null,
      subject: {},
    };
  }
}

function held(bytes: number, limitBytes: number): Finding | null {
  if (limitBytes === Infinity || bytes < limitBytes * fullShare) return null;
  const megabytes = (count: number) => Math.round(count / 1024 / 1024);
  return {
    kind: "memory-held",
    key: "",
    severity: "warning",
    text: `Calls and responses in progress hold ${megabytes(bytes)} of the ${megabytes(limitBytes)} MB that they may.`,
    advice:
      "Look for slow readers and large messages; beyond the limit (limits.maxBufferedMB) calls are refused.",
    steps: ["limits"],
    subject: {},
  };
}

function files(limit: number): Finding | null {
  if (limit === Infinity) return null;
  const open = openFiles();
  if (open < limit * fullShare) return null;
  return {
    kind: "files-scarce",
    key: "",
    severity: "warning",
    text: `${open} of ${limit} file descriptors are in use: idle callers are closed, and new ones refused.`,
    advice: "Raise the limit of open files (ulimit -n, LimitNOFILE).",
    steps: null,
    subject: {},
  };
}

/** NaN, which is below every limit, where the system does not say; see process-metrics.ts. */
function openFiles(): number {
  try {
    const { size } = statSync("/proc/self/fd");
    return size > 0 ? size : Number.NaN;
  } catch {
    return Number.NaN;
  }
}

function overflowed(count: number): Finding | null {
  if (count === 0) return null;
  return {
    kind: "metrics-overflow",
    key: "",
    severity: "notice",
    text: "Names beyond the limits of the metrics are counted together, as (other).",
    advice: "See metrics/overflowed; names that callers invent are harmless.",
    steps: null,
    subject: {},
  };
}

function gaugeAt(root: MetricsNode, ...path: readonly string[]): number {
  let node: MetricsNode | undefined = root;
  for (const part of path) node = node?.children.get(part);
  return node?.metric?.kind === "gauge" ? node.metric.read() : 0;
}
