// The calls that are kept for people: of each router the last that failed, the slowest, and a sample.
import type { Clock } from "../../core/clock.ts";
import { matchesCall } from "../../core/calls/filter.ts";
import type { CallFilter } from "../../core/calls/filter.ts";
import type { CallListener } from "../../core/calls/hub.ts";
import type { CallRecord } from "../../core/calls/record.ts";
import { RouterRecent } from "./router-recent.ts";
import type { Kept, RecentOptions } from "./router-recent.ts";

/** A record, and why it is kept. */
export interface KeptCall extends CallRecord {
  readonly kept: readonly Kept[];
}

export interface RecentView {
  readonly routers: readonly {
    readonly router: string;
    /** How many of each are kept at the most. */
    readonly kept: { readonly failed: number; readonly slowest: number; readonly sampled: number };
    readonly sampleRate: number;
    /** Calls that would have been kept, had there not been too many in a short time. */
    readonly skipped: number;
  }[];
  /** Newest first. */
  readonly requests: readonly KeptCall[];
}

/** Of one process. */
export class RecentCalls {
  readonly #options: RecentOptions;
  readonly #clock: Clock;
  readonly #routers = new Map<string, RouterRecent>();

  constructor(options: RecentOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  /** null: the configuration keeps nothing. */
  listener(router: string): CallListener | null {
    const { failed, slowest, capacity, sampleRate } = this.#options;
    const recent = new RouterRecent(this.#options);
    this.#routers.set(router, recent);
    return failed + slowest + (sampleRate === 0 ? 0 : capacity) === 0 ? null : recent;
  }

  view(filter: CallFilter, limit: number): RecentView {
    const { failed, slowest, capacity, sampleRate } = this.#options;
    const kept = { failed, slowest, sampled: sampleRate === 0 ? 0 : capacity };
    const nowMs = this.#clock.nowMs();
    const found: KeptCall[] = [];
    for (const recent of this.#routers.values()) {
      for (const [record, why] of recent.calls(nowMs)) {
        if (matchesCall(filter, record)) found.push({ ...record, kept: why });
      }
    }
    return {
      routers: [...this.#routers].map(([router, { skipped }]) => {
        return { router, kept, sampleRate, skipped };
      }),
      requests: found.sort(byTime).slice(0, limit),
    };
  }
}

function byTime(a: CallRecord, b: CallRecord): number {
  return a.at < b.at ? 1 : a.at > b.at ? -1 : 0;
}
