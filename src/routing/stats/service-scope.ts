// What all calls of one logical name share, whatever dtab they bring: statistics and limits.
import type { Clock } from "../../core/clock.ts";
import type { BudgetConfig } from "../../core/pacing/budget-schema.ts";
import type { Stats } from "../../core/stats.ts";
import { RetryBudget } from "../budget.ts";
import { CallStats } from "./call-stats.ts";
import { TokenBucket } from "../../core/pacing/token-bucket.ts";
import type { TokenRate } from "../../core/pacing/token-bucket.ts";
import { RetryStats } from "../filters/retry.ts";

/** `service/<name>`. Names that share a scope share the limits of the first of them. */
export class ServiceScope {
  readonly calls: CallStats;
  readonly retries: RetryStats;
  readonly #clock: Clock;
  #budget: RetryBudget | null = null;
  #rateLimit: TokenBucket | null = null;

  constructor(scope: Stats, clock: Clock) {
    const retries = scope.scope("retries");
    this.calls = new CallStats(scope);
    this.retries = new RetryStats(retries);
    this.#clock = clock;
    retries.gauge(() => this.#budget?.balance(clock.nowMs()) ?? 0, "budget");
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
