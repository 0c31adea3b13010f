// Limits of the whole process: connections of callers, bytes in buffers, a late event loop.
import type { Clock, Close } from "../core/clock.ts";
import type { Failure } from "../core/failure.ts";
import type { ConnectionGate } from "../core/transport.ts";
import type { Stats } from "../core/stats.ts";

/** Infinity: no limit. */
export interface ProcessLimitOptions {
  readonly maxConnections: number;
  readonly maxBufferedBytes: number;
  readonly shedAboveLagMs: number;
}

export interface ProcessLimitDeps {
  readonly clock: Clock;
  /** `limits`. */
  readonly stats: Stats;
  /** Bytes of all buffers of this process, garbage that is not collected yet included. */
  bufferedBytes(): number;
}

const sampleIntervalMs = 50;

/** One for the process; shared by all its servers. Owns a timer when something is limited. */
export class ProcessLimits {
  readonly connections: ConnectionGate | null;
  /** Why a new request is refused; null: it is accepted. null itself: nothing is ever shed. */
  readonly refusal: ((nowMs: number) => Failure | null) | null;
  readonly #options: ProcessLimitOptions;
  readonly #deps: ProcessLimitDeps;
  #lagMs = 0;
  #bufferedBytes = 0;
  #dueMs = Infinity;
  #stop: Close = () => {};

  constructor(options: ProcessLimitOptions, deps: ProcessLimitDeps) {
    const { maxConnections, maxBufferedBytes, shedAboveLagMs } = options;
    this.#options = options;
    this.#deps = deps;
    this.connections = maxConnections === Infinity ? null : gate(maxConnections, deps.stats);
    const isWatching = maxBufferedBytes !== Infinity || shedAboveLagMs !== Infinity;
    this.refusal = isWatching ? this.#makeRefusal() : null;
    if (isWatching) this.#sample();
  }

  close(): void {
    this.#stop();
  }

  #sample(): void {
    const { clock, bufferedBytes } = this.#deps;
    const nowMs = clock.nowMs();
    this.#lagMs = this.#lateMs(nowMs);
    this.#bufferedBytes = bufferedBytes();
    this.#dueMs = nowMs + sampleIntervalMs;
    this.#stop = clock.after(sampleIntervalMs, () => this.#sample());
  }

  #lateMs(nowMs: number): number {
    return Math.max(0, nowMs - this.#dueMs);
  }

  #makeRefusal(): (nowMs: number) => Failure | null {
    const { maxBufferedBytes, shedAboveLagMs } = this.#options;
    const { stats } = this.#deps;
    const late = stats.counter("shed", "lag");
    const full = stats.counter("shed", "buffered");
    stats.gauge(() => this.#lagMs, "lag_ms");
    stats.gauge(() => this.#bufferedBytes, "buffered_bytes");
    const isLate = refused(
      `its event loop is more than ${shedAboveLagMs} ms late (shedAboveLagMs)`,
    );
    const isFull = refused(`its buffers hold more than ${maxBufferedBytes} bytes (maxBufferedMB)`);
    return (nowMs) => {
      // The last sample may be old: then the loop is late already.
      if (Math.max(this.#lagMs, this.#lateMs(nowMs)) > shedAboveLagMs) {
        late.value++;
        return isLate;
      }
      if (this.#bufferedBytes <= maxBufferedBytes) return null;
      full.value++;
      return isFull;
    };
  }
}

function refused(why: string): Failure {
  const detail = `this proxy is overloaded: ${why}`;
  return { kind: "exhausted", retry: "safe", detail, retryAfterMs: 0 };
}

function gate(maxConnections: number, stats: Stats): ConnectionGate {
  const refusals = stats.counter("refused_connections");
  let open = 0;
  stats.gauge(() => open, "connections");
  return {
    opened() {
      if (open >= maxConnections) {
        refusals.value++;
        return false;
      }
      open++;
      return true;
    },
    closed: () => void open--,
  };
}
