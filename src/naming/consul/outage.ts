// How long Consul has not responded to one watch; logged when it begins and when it ends.
import type { WatchDeps } from "./watch-spec.ts";

export class Outage {
  readonly #deps: Pick<WatchDeps, "agent" | "clock" | "log">;
  readonly #name: string;
  #failures = 0;
  #sinceMs = 0;
  #problem: string | null = null;

  constructor(name: string, deps: Pick<WatchDeps, "agent" | "clock" | "log">) {
    this.#name = name;
    this.#deps = deps;
  }

  /** Failures in a row; 0: Consul responds. */
  get failures(): number {
    return this.#failures;
  }

  /** What is wrong now, or was at the last failure before a response; null: nothing. */
  get problem(): string | null {
    return this.#problem;
  }

  get ms(): number {
    return this.#failures === 0 ? 0 : this.#deps.clock.nowMs() - this.#sinceMs;
  }

  /** A watch starts over. */
  reset(): void {
    this.#failures = 0;
    this.#problem = null;
  }

  /** Not a failure yet: a response takes its time. */
  late(problem: string): void {
    this.#problem ??= problem;
  }

  failed(problem: string, isLastGoodKept: boolean): void {
    const { agent, clock, log } = this.#deps;
    this.#failures += 1;
    this.#problem = problem;
    const event = { event: "consul does not respond", agent, name: this.#name, problem };
    if (this.#failures > 1) return log.debug({ ...event, failures: this.#failures });
    this.#sinceMs = clock.nowMs();
    log.warn({ ...event, isLastGoodKept });
  }

  /** A good response. Returns whether it ends an outage. */
  over(): boolean {
    const wasFailing = this.#failures > 0;
    const awayMs = Math.round(this.ms);
    this.reset();
    const { agent, log } = this.#deps;
    if (wasFailing) {
      log.info({ event: "consul responds again", agent, name: this.#name, awayMs });
    }
    return wasFailing;
  }
}
