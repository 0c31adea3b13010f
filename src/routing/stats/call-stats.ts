// The metrics of calls in one scope: how many, how they ended, how long they took.
import type { FailureKind, Failure } from "../../core/failure.ts";
import type { Verdict } from "../../core/classifier.ts";
import type { Counter, Histogram, Stats } from "../../core/stats.ts";

/** What a server refuses without having processed it. */
const nackedKinds: ReadonlySet<FailureKind> = new Set(["exhausted", "limited"]);

/** Counts calls from their beginning to their end. */
export interface CallCounts {
  began(): void;
  ended(verdict: Verdict, failure: Failure | null, latencyMs: number): void;
}

/** Owns nothing; whoever owns the scope prunes it. */
export class CallStats implements CallCounts {
  readonly #scope: Stats;
  readonly #isServer: boolean;
  readonly #requests: Counter;
  readonly #successes: Counter;
  readonly #failures: Counter;
  readonly #latencyMs: Histogram;
  readonly #kinds = new Map<FailureKind, Counter>();
  /** Made when first needed: most scopes never see a cancelled call. */
  #cancelled: Counter | null = null;
  /** Calls begun and not ended. */
  #pending = 0;

  /** A server counts nacks, too: calls that were refused unprocessed. */
  constructor(scope: Stats, isServer = false) {
    this.#scope = scope;
    this.#isServer = isServer;
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
    if (failure !== null) this.#countFailure(failure);
  }

  #countFailure(failure: Failure): void {
    this.#kindOf(failure).value++;
    // Finagle's names: `restartable` in every scope, and of a server what its callers may send again.
    const isRestartable = failure.retry === "safe";
    if (isRestartable) this.#scope.counter("failures", "restartable").value++;
    if (!this.#isServer || !nackedKinds.has(failure.kind)) return;
    this.#scope.counter(isRestartable ? "nacks" : "nonretryable_nacks").value++;
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
