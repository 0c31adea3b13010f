// Limits of the whole process: connections of callers, bytes in buffers, a late event loop.
import type { Clock, Close } from "../core/clock.ts";
import type { Failure } from "../core/failure.ts";
import type { ConnectionGate } from "../core/transport.ts";
import type { Stats } from "../core/stats.ts";
import { scarcity } from "./open-files.ts";
import type { HeldMemory } from "./held-memory.ts";
import { spareMemoryBytes, trimSpareMemory } from "./spare-memory.ts";

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
  /** What peers make the process hold; gets `maxBufferedBytes` as its limit. */
  readonly memory: HeldMemory;
}

const sampleIntervalMs = 50;
const trimIntervalMs = 5_000;

/** One for the process; shared by all its servers. Owns its timers. */
export class ProcessLimits {
  readonly connections: ConnectionGate | null;
  /** Why a new request is refused; null: it is accepted. null itself: nothing is ever shed. */
  readonly refusal: ((nowMs: number) => Failure | null) | null;
  readonly #options: ProcessLimitOptions;
  readonly #deps: ProcessLimitDeps;
  #lagMs = 0;
  #dueMs = Infinity;
  #stop: Close = () => {};
  #stopTrimming: Close = () => {};

  constructor(options: ProcessLimitOptions, deps: ProcessLimitDeps) {
    const { maxConnections, maxBufferedBytes, shedAboveLagMs } = options;
    this.#options = options;
    this.#deps = deps;
    this.connections = maxConnections === Infinity ? null : gate(maxConnections, deps.stats);
    deps.stats.tally(() => scarcity.closedIdle, "closed_idle_connections");
    deps.stats.tally(() => scarcity.refused, "refused_for_lack_of_files");
    deps.memory.limitBytes = maxBufferedBytes;
    deps.stats.gauge(() => deps.memory.bytes, "buffered_bytes");
    const isLimited = maxBufferedBytes !== Infinity || shedAboveLagMs !== Infinity;
    this.refusal = isLimited ? this.#makeRefusal() : null;
    deps.stats.gauge(spareMemoryBytes, "spare_bytes");
    if (shedAboveLagMs !== Infinity) this.#sample();
    if (maxBufferedBytes !== Infinity) this.#trimLater();
  }

  close(): void {
    this.#deps.memory.limitBytes = Infinity;
    this.#stop();
    this.#stopTrimming();
  }

  #trimLater(): void {
    this.#stopTrimming = this.#deps.clock.after(trimIntervalMs, () => {
      trimSpareMemory();
      this.#trimLater();
    });
  }

  #sample(): void {
    const { clock } = this.#deps;
    const nowMs = clock.nowMs();
    this.#lagMs = this.#lateMs(nowMs);
    this.#dueMs = nowMs + sampleIntervalMs;
    this.#stop = clock.after(sampleIntervalMs, () => this.#sample());
  }

  #lateMs(nowMs: number): number {
    return Math.max(0, nowMs - this.#dueMs);
  }

  #makeRefusal(): (nowMs: number) => Failure | null {
    const { shedAboveLagMs } = this.#options;
    const ofMemory = this.#memoryRefusal();
    if (shedAboveLagMs === Infinity) return ofMemory;
    const { stats } = this.#deps;
    const late = stats.counter("shed", "lag");
    stats.gauge(() => this.#lagMs, "lag_ms");
    const isLate = refused(
      `its event loop is more than ${shedAboveLagMs} ms late (shedAboveLagMs)`,
    );
    return (nowMs) => {
      // The last sample may be old: then the loop is late already.
      if (Math.max(this.#lagMs, this.#lateMs(nowMs)) <= shedAboveLagMs) return ofMemory();
      late.value++;
      return isLate;
    };
  }

  #memoryRefusal(): () => Failure | null {
    const { stats, memory } = this.#deps;
    const { maxBufferedBytes } = this.#options;
    const full = stats.counter("shed", "buffered");
    const isFull = refused(
      `it holds ${maxBufferedBytes} bytes of calls and responses (limits.maxBufferedMB)`,
    );
    return () => {
      if (!memory.isFull) return null;
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
