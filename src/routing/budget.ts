// How often calls may be sent again, in relation to how many there are: what keeps retries from
// turning an overload into a collapse.
import type { BudgetConfig } from "../core/pacing/budget-schema.ts";

/** The window's parts: what is older than between nine and ten of them is forgotten. */
const sliceCount = 10;
/** What a call brings in, so that a withdrawal is a whole number for every share. */
const depositTokens = 1_000;

/** Of one withdrawal: a share next to nothing must not make it infinite, or the balance is NaN. */
const maxTokens = Number.MAX_SAFE_INTEGER;

/**
 * Finagle's token bucket, with its whole numbers: calls deposit, retries withdraw, and both are
 * forgotten after `ttlSecs`, a tenth of it at a time. Times are `Clock.nowMs`.
 */
export class RetryBudget {
  readonly #sliceMs: number;
  readonly #depositTokens: number;
  readonly #withdrawalTokens: number;
  readonly #reserveTokens: number;
  /** Deposits less withdrawals by slice, in a ring; of the slice in progress in `#current`. */
  readonly #slices: number[] = Array.from({ length: sliceCount }, () => 0);
  #at = 0;
  /** Of all slices but the one in progress. */
  #sum = 0;
  #current = 0;
  #sliceEndMs: number;

  constructor({ ttlSecs, minRetriesPerSec, percentCanRetry }: BudgetConfig, nowMs: number) {
    const isProportional = percentCanRetry > 0;
    this.#sliceMs = (ttlSecs * 1_000) / sliceCount;
    this.#depositTokens = isProportional ? depositTokens : 0;
    const tokens = Math.trunc(depositTokens / percentCanRetry);
    this.#withdrawalTokens = isProportional ? Math.min(tokens, maxTokens) : 1;
    this.#reserveTokens = minRetriesPerSec * ttlSecs * this.#withdrawalTokens;
    // Whole milliseconds: a number with a fraction is an object of its own, looked at by every call.
    this.#sliceEndMs = Math.ceil(nowMs + this.#sliceMs);
  }

  /** Retries that could be made now. */
  balance(nowMs: number): number {
    this.#forget(nowMs);
    const tokens = this.#sum + this.#current + this.#reserveTokens;
    return Math.max(0, Math.trunc(tokens / this.#withdrawalTokens));
  }

  /** For each call that counts. */
  deposit(nowMs: number): void {
    this.#add(this.#depositTokens, nowMs);
  }

  /** For each retry; false: it must not be made. */
  tryWithdraw(nowMs: number): boolean {
    if (this.balance(nowMs) < 1) return false;
    this.#add(-this.#withdrawalTokens, nowMs);
    return true;
  }

  #add(tokens: number, nowMs: number): void {
    this.#forget(nowMs);
    this.#current += tokens;
  }

  #forget(nowMs: number): void {
    if (nowMs < this.#sliceEndMs) return;
    const passed = Math.floor((nowMs - this.#sliceEndMs) / this.#sliceMs) + 1;
    this.#sliceEndMs = Math.ceil(this.#sliceEndMs + passed * this.#sliceMs);
    this.#slices[this.#at] = this.#current;
    this.#sum += this.#current;
    this.#current = 0;
    for (let i = Math.min(passed, sliceCount); i > 0; i--) {
      this.#at = (this.#at + 1) % sliceCount;
      this.#sum -= this.#slices[this.#at]!;
      this.#slices[this.#at] = 0;
    }
  }
}
