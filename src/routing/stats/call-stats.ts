// The metrics of calls in one scope: how many, how they ended, how long they took.
import type { FailureKind, Failure } from "../../core/failure.ts";
import type { Verdict } from "../../core/classifier.ts";
import type { Counter, Histogram, Stats } from "../../core/stats.ts";

/** Counts calls from their beginning to their end. */
export interface CallCounts {
  began(): void;
  ended(verdict: Verdict, failure: Failure | null, latencyMs: number): void;
}

/** Owns nothing; whoever owns the scope prunes it. */
export class CallStats implements CallCounts {
  readonly #scope: Stats;
  readonly #requests: Counter;
  readonly #successes: Counter;
  readonly #failures: Counter;
  readonly #latencyMs: Histogram;
  readonly #kinds = new Map<FailureKind, Counter>();
  /** Made when first needed: most scopes never see a cancelled call. */
  #cancelled: Counter | null = null;
  /** Calls begun and not ended. */
  #pending = 0;

  constructor(scope: Stats) {
    this.#scope = scope;
    this.#requests = scope.counter("requests");
    this.#successes = scope.counter("success");
    this.#failures = scope.counter("failures");
    this.#latencyMs = scope.histogram("request_latency_ms");
    scope.gauge(() => this.#pending, "pending");
  }

  began(): void {
    this.#requests.value++;
    this.#pending++;
  }

  ended(verdict: Verdict, failure: Failure | null, latencyMs: number): void {
    this.#pending--;
    if (verdict === "ignorable") {
      if (failure?.kind === "cancelled") this.#cancelledCalls.value++;
      return;
    }
    this.#latencyMs.record(Math.max(0, Math.round(latencyMs)));
    if (verdict === "success") {
      this.#successes.value++;
      return;
    }
    this.#failures.value++;
    if (failure !== null) this.#kindOf(failure).value++;
  }

  get #cancelledCalls(): Counter {
    return (this.#cancelled ??= this.#scope.counter("cancelled"));
  }

  #kindOf({ kind }: Failure): Counter {
    let counter = this.#kinds.get(kind);
    if (counter === undefined) {
      counter = this.#scope.counter("failures", kind);
      this.#kinds.set(kind, counter);
    }
    return counter;
  }
}
