// Latency that remembers peaks: it jumps up immediately and decays with time.

/** Load of an endpoint whose first response is still awaited: more than any latency. */
const unknownLoad = 2 ** 47;

/** What a failure counts as, at least: an endpoint that fails fast must not look fast. */
const failurePenaltyMs = 5_000;

/**
 * The cost is projected to the moment it is read, cost * e^(-age/decay), and reading changes
 * nothing. An endpoint without a sample costs nothing until one call is on its way, and then
 * more than any other: exactly one call warms it up.
 */
export class PeakEwma {
  readonly #decayTimeMs: number;
  #costMs = 0;
  #stampMs = 0;
  #hasSample = false;

  constructor(decayTimeMs: number) {
    this.#decayTimeMs = decayTimeMs;
  }

  load(nowMs: number, pending: number): number {
    if (this.#hasSample) return this.#projected(nowMs) * (pending + 1);
    return pending === 0 ? 0 : unknownLoad + pending;
  }

  /** A response came after `elapsedMs`. */
  observe(nowMs: number, elapsedMs: number): void {
    const costMs = this.#projected(nowMs);
    const weight = Math.exp(-(nowMs - this.#stampMs) / this.#decayTimeMs);
    const isPeak = !this.#hasSample || elapsedMs > costMs;
    this.#costMs = isPeak ? elapsedMs : costMs + elapsedMs * (1 - weight);
    this.#stampMs = nowMs;
    this.#hasSample = true;
  }

  /** The call failed after `elapsedMs`. */
  observeFailure(nowMs: number, elapsedMs: number): void {
    this.observe(nowMs, Math.max(elapsedMs, failurePenaltyMs));
  }

  /** The call ended early: it would have taken at least `elapsedMs`. */
  observeAtLeast(nowMs: number, elapsedMs: number): void {
    if (elapsedMs > this.#projected(nowMs)) this.observe(nowMs, elapsedMs);
  }

  #projected(nowMs: number): number {
    return this.#costMs * Math.exp((this.#stampMs - nowMs) / this.#decayTimeMs);
  }
}
