// A watch of a name server, which keeps the last good answer while the name server is away.
import type { Clock, Close } from "../../core/clock.ts";
import { failure } from "../../core/failure.ts";
import { failed, source } from "../../core/live.ts";
import type { Live, State } from "../../core/live.ts";
import type { Sink } from "./remote.ts";

export interface KeptDeps {
  readonly clock: Clock;
  /** For people: what is asked for, such as `/svc/users`. */
  readonly what: string;
  /** Where it is asked for. */
  readonly where: () => string;
}

/** How long a first answer may take before alternatives, and the waiting calls, learn of the problem. */
const firstAnswerMs = 900;

/** Asks while `live` is watched. What it knows outlives its watchers, and is used until the next answer. */
export class Kept<T> {
  readonly live: Live<T>;
  readonly #deps: KeptDeps;
  #known: State<T> | null = null;
  #answeredAtMs: number | null = null;
  #problem: string | null = null;
  isWatched = false;

  constructor(deps: KeptDeps, ask: (sink: Sink<T>) => Close) {
    this.#deps = deps;
    this.live = source((set) => this.#start(set, ask));
  }

  get report(): Readonly<Record<string, unknown>> {
    const at = this.#answeredAtMs;
    return {
      isWatched: this.isWatched,
      answeredAt: at === null ? null : new Date(at).toISOString(),
      problem: this.#problem,
    };
  }

  #start(set: (state: State<T>) => void, ask: (sink: Sink<T>) => Close): Close {
    const { clock } = this.#deps;
    this.isWatched = true;
    let isAnswered = false;
    const fallBack = () => {
      if (isAnswered) return;
      if (this.#known !== null) set(this.#known);
      else if (this.#problem !== null) set(this.#unknown(this.#problem));
    };
    if (this.#known !== null) set(this.#known);
    const cancelFirst = clock.after(firstAnswerMs, fallBack);
    const stop = ask({
      answered: (state) => {
        isAnswered = true;
        this.#problem = null;
        this.#answeredAtMs = clock.wallMs();
        // Only a good answer takes away what a good answer gave.
        if (state.kind !== "ok" && this.#known?.kind === "ok") return;
        this.#known = state;
        set(state);
      },
      lost: (problem) => {
        this.#problem = problem;
        fallBack();
      },
    });
    return () => {
      this.isWatched = false;
      cancelFirst();
      stop();
    };
  }

  #unknown(problem: string): State<T> {
    const { what, where } = this.#deps;
    const detail = `the name server ${where()} could not be asked for ${what}: ${problem}`;
    return failed(failure("unresolved", detail, "safe"));
  }
}
