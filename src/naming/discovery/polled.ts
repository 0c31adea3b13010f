// A value of discovery that is asked for again and again: the last good answer stays while there is none.
import type { Clock, Close, Random } from "../../core/clock.ts";
import { failure } from "../../core/failure.ts";
import { late, ok, softlyFailed, source } from "../../core/live.ts";
import type { Live, State } from "../../core/live.ts";
import type { Log } from "../../core/log.ts";
import type { Counter } from "../../core/stats.ts";
import type { Watched } from "./service.ts";

export interface PolledDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly counts: { readonly updates: Counter; readonly errors: Counter };
}

export interface PolledSpec<T> {
  /** For people: `the records of _web._tcp.example`. */
  readonly what: string;
  /** For people: what is asked, such as `Marathon at marathon.mesos:80`. */
  readonly whom: string;
  readonly everyMs: number;
  /** Added to the wait, up or down, by chance. */
  readonly jitterMs: number;
  /** One answer; rejects with a text for people when there is none. */
  ask(signal: AbortSignal): Promise<T>;
  isSame(a: T, b: T): boolean;
}

/** How it stands. Times are ISO 8601; null: never. */
export interface PolledReport {
  readonly isRunning: boolean;
  readonly askedAt: string | null;
  readonly answeredAt: string | null;
  readonly updatedAt: string | null;
  readonly problem: string | null;
}

/** An answer that takes longer is late, so that an alternative is used if there is one. */
const firstAnswerMs = 900;
/** Longest time for one answer. */
const askTimeoutMs = 10_000;

/** Asks while `live` is watched, and remembers what it knows beyond that. */
export class Polled<T> implements Watched<T, PolledReport> {
  readonly live: Live<T>;
  known: { readonly value: T } | null = null;
  readonly #spec: PolledSpec<T>;
  readonly #deps: PolledDeps;
  #stop: Close | null = null;
  #askedMs: number | null = null;
  #answeredMs: number | null = null;
  #updatedMs: number | null = null;
  #problem: string | null = null;

  constructor(spec: PolledSpec<T>, deps: PolledDeps) {
    this.#spec = spec;
    this.#deps = deps;
    this.live = source((set) => this.#run(set));
  }

  get report(): PolledReport {
    const at = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());
    return {
      isRunning: this.#stop !== null,
      askedAt: at(this.#askedMs),
      answeredAt: at(this.#answeredMs),
      updatedAt: at(this.#updatedMs),
      problem: this.#problem,
    };
  }

  close(): void {
    this.#stop?.();
  }

  #run(set: (state: State<T>) => void): Close {
    const { clock } = this.#deps;
    let isOver = false;
    let leave = new AbortController();
    let cancel: Close = () => {};
    if (this.known !== null) set(ok(this.known.value));
    const cancelFirst = clock.after(firstAnswerMs, () => {
      if (this.known === null && this.#problem === null) {
        set(late(`${this.#spec.whom} has not responded within ${firstAnswerMs} ms`));
      }
    });
    const next = () => {
      leave = new AbortController();
      this.#askedMs = clock.wallMs();
      const tooLate = clock.after(askTimeoutMs, () => leave.abort());
      const settle = (take: () => void) => {
        tooLate();
        if (isOver) return;
        take();
        if (!isOver) cancel = clock.after(this.#waitMs(), next);
      };
      this.#spec.ask(leave.signal).then(
        (value) => settle(() => this.#take(value, set)),
        (error: unknown) => settle(() => this.#fail(error, set)),
      );
    };
    next();
    this.#stop = () => {
      isOver = true;
      cancel();
      cancelFirst();
      leave.abort();
      this.#stop = null;
    };
    return this.#stop;
  }

  #waitMs(): number {
    const { everyMs, jitterMs } = this.#spec;
    return Math.max(1, everyMs + jitterMs * (2 * this.#deps.random() - 1));
  }

  #take(value: T, set: (state: State<T>) => void): void {
    const { clock, log, counts } = this.#deps;
    const { whom, what, isSame } = this.#spec;
    if (this.#problem !== null) log.info({ event: "discovery responds again", whom, what });
    this.#problem = null;
    this.#answeredMs = clock.wallMs();
    if (this.known !== null && isSame(this.known.value, value)) return;
    this.known = { value };
    this.#updatedMs = clock.wallMs();
    counts.updates.value += 1;
    set(ok(value));
  }

  #fail(error: unknown, set: (state: State<T>) => void): void {
    const { log, counts } = this.#deps;
    const { whom, what } = this.#spec;
    const wasGood = this.#problem === null;
    this.#problem = error instanceof Error && error.name === "AbortError" ? tooSlow : textOf(error);
    counts.errors.value += 1;
    const isLastGoodKept = this.known !== null;
    const event = { event: "discovery does not respond", whom, what, problem: this.#problem };
    if (wasGood) log.warn({ ...event, isLastGoodKept });
    if (this.known === null) {
      const detail = `${whom} cannot be asked for ${what}: ${this.#problem}`;
      set(softlyFailed(failure("unresolved", detail, "safe")));
    }
  }
}

const tooSlow = `no answer within ${askTimeoutMs / 1_000} s`;

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message || error.name;
}
