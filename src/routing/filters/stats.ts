// Counts calls and times them, from their first filter to the last byte of the answer.
import type { Clock } from "../../core/clock.ts";
import type { Failure } from "../../core/failure.ts";
import type { Classifier, Verdict } from "../../core/protocol.ts";
import type { Filter, Reply } from "../../core/service.ts";
import type { CallStats } from "../call-stats.ts";
import { verdictOf } from "../call-stats.ts";

export interface StatsFilterOptions<Req, Res> {
  readonly stats: CallStats;
  readonly classifier: Classifier<Req, Res>;
  readonly clock: Clock;
  /** Told what a head is taken for, before it goes on; null: nobody wants to know. */
  readonly mark: ((response: Res, verdict: Verdict) => void) | null;
  /** Around each call: who owns the calls counts them here. `ended` comes before the answer ends. */
  readonly owner: { began(): void; ended(): void };
}

export function statsFilter<Req, Res>(options: StatsFilterOptions<Req, Res>): Filter<Req, Res> {
  return (request, reply, next) => {
    options.stats.began();
    options.owner.began();
    return next(request, new CountedReply(options, request, reply));
  };
}

class CountedReply<Req, Res> implements Reply<Res> {
  readonly #options: StatsFilterOptions<Req, Res>;
  readonly #request: Req;
  readonly #reply: Reply<Res>;
  readonly #startedMs: number;
  #response: Res | null = null;

  constructor(options: StatsFilterOptions<Req, Res>, request: Req, reply: Reply<Res>) {
    this.#options = options;
    this.#request = request;
    this.#reply = reply;
    this.#startedMs = options.clock.nowMs();
  }

  start(response: Res): void {
    this.#response = response;
    const { mark, classifier } = this.#options;
    if (mark !== null) mark(response, classifier(this.#request, response, null));
    this.#reply.start(response);
  }

  end(failure: Failure | null): void {
    const { stats, classifier, clock, owner } = this.#options;
    const verdict = verdictOf(classifier, this.#request, this.#response, failure);
    stats.ended(verdict, failure, clock.nowMs() - this.#startedMs);
    owner.ended();
    this.#reply.end(failure);
  }
}
