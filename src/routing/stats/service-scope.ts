// What all calls of one logical name share, whatever dtab they bring: statistics and limits.
import type { Verdict } from "../../core/classifier.ts";
import type { Clock } from "../../core/clock.ts";
import type { Failure } from "../../core/failure.ts";
import type { BudgetConfig } from "../../core/pacing/budget-schema.ts";
import type { Stats } from "../../core/stats.ts";
import { RetryBudget } from "../budget.ts";
import { CallStats } from "./call-stats.ts";
import type { CallCounts } from "./call-stats.ts";
import { TokenBucket } from "../../core/pacing/token-bucket.ts";
import type { TokenRate } from "../../core/pacing/token-bucket.ts";
import { RetryStats } from "../filters/retry.ts";

/** Metrics of a logical name, or of several together. */
export interface ServiceMetrics {
  readonly calls: CallStats;
  readonly retries: RetryStats;
  /** Shows what is left of a budget; of several names together nothing. */
  showBudget(balance: () => number): void;
}

export function serviceMetrics(scope: Stats): ServiceMetrics {
  const retries = scope.scope("retries");
  return {
    calls: new CallStats(scope),
    retries: new RetryStats(retries),
    showBudget: (balance) => retries.gauge(balance, "budget"),
  };
}

/** Where a name's metrics come from. */
export interface MetricsSource {
  /** Names that lead nowhere, and those that are not known yet, count here. */
  readonly unbound: ServiceMetrics;
  /** The metrics of a name that leads somewhere, and the name of their scope. */
  open(name: string): { readonly metrics: ServiceMetrics; readonly scopeName: string };
}

/**
 * Callers invent names, so a name has metrics of its own only from the moment on in which it is bound.
 * Calls that wait for that moment are counted when it comes, or when they end without it.
 */
export class ServiceScope implements CallCounts {
  users = 0;
  /** `service/<scopeName>`; null: not bound yet. */
  scopeName: string | null = null;
  readonly #name: string;
  readonly #clock: Clock;
  readonly #source: MetricsSource;
  #calls: CallStats | null = null;
  #retries: RetryStats | null = null;
  /** Calls that began before the name was bound, and have not ended. */
  #early = 0;
  #budget: RetryBudget | null = null;
  #rateLimit: TokenBucket | null = null;

  constructor(name: string, clock: Clock, source: MetricsSource) {
    this.#name = name;
    this.#clock = clock;
    this.#source = source;
  }

  get retries(): RetryStats {
    return this.#retries ?? this.#source.unbound.retries;
  }

  began(): void {
    if (this.#calls === null) this.#early++;
    else this.#calls.began();
  }

  ended(verdict: Verdict, failure: Failure | null, latencyMs: number): void {
    if (this.#calls !== null) return this.#calls.ended(verdict, failure, latencyMs);
    this.#early--;
    const { calls } = this.#source.unbound;
    calls.began();
    calls.ended(verdict, failure, latencyMs);
  }

  /** The name leads somewhere; does nothing when that is known. Returns the name of its scope. */
  bound(): string {
    if (this.scopeName !== null) return this.scopeName;
    const { metrics, scopeName } = this.#source.open(this.#name);
    metrics.showBudget(() => this.#budget?.balance(this.#clock.nowMs()) ?? 0);
    this.scopeName = scopeName;
    this.#calls = metrics.calls;
    this.#retries = metrics.retries;
    for (; this.#early > 0; this.#early--) metrics.calls.began();
    return scopeName;
  }

  budget(options: BudgetConfig): RetryBudget {
    this.#budget ??= new RetryBudget(options, this.#clock.nowMs());
    return this.#budget;
  }

  rateLimit(options: TokenRate): TokenBucket {
    this.#rateLimit ??= new TokenBucket(options);
    return this.#rateLimit;
  }
}
