// Counts calls and times them, from their first filter to the last byte of the response.
import type { Clock } from "../../core/clock.ts";
import type { Failure } from "../../core/failure.ts";
import type { Request } from "../../core/request.ts";
import type { Classifier, Verdict } from "../../core/classifier.ts";
import type { Filter, Reply } from "../../core/service.ts";
import type { CallCounts } from "../stats/call-stats.ts";
import { verdictOf } from "../verdict.ts";

export interface StatsFilterOptions<Req, Res> {
  readonly clock: Clock;
  /** Called with the verdict on a head before the head goes on; null: heads are not marked. */
  readonly mark: ((response: Res, verdict: Verdict) => void) | null;
  /** One filter serves many owners: what it knows of one of them is in the owner. */
  ownerOf(request: Req): CallOwner<Req, Res>;
}

/** The owner of calls, which the filter around them informs. */
export interface CallOwner<Req, Res> {
  readonly stats: CallCounts;
  readonly classifier: Classifier<Req, Res>;
  began(nowMs: number): void;
  /** Called before the response ends. */
  ended(verdict: Verdict, nowMs: number): void;
}

export function statsFilter<Req extends Request, Res>(
  options: StatsFilterOptions<Req, Res>,
): Filter<Req, Res> {
  return (request, reply, next) => {
    const nowMs = options.clock.nowMs();
    const owner = options.ownerOf(request);
    owner.stats.began();
    owner.began(nowMs);
    return next(request, new CountedReply(options, owner, request, reply, nowMs));
  };
}

class CountedReply<Req extends Request, Res> implements Reply<Res> {
  readonly #options: StatsFilterOptions<Req, Res>;
  readonly #owner: CallOwner<Req, Res>;
  readonly #request: Req;
  readonly #reply: Reply<Res>;
  readonly #startedMs: number;
  #response: Res | null = null;

  constructor(
    options: StatsFilterOptions<Req, Res>,
    owner: CallOwner<Req, Res>,
    request: Req,
    reply: Reply<Res>,
    startedMs: number,
  ) {
    this.#options = options;
    this.#owner = owner;
    this.#request = request;
    this.#reply = reply;
    this.#startedMs = startedMs;
  }

  start(response: Res): void {
    this.#response = response;
    const { mark } = this.#options;
    if (mark !== null) {
      mark(response, verdictOf(this.#owner.classifier, this.#request, response, null));
    }
    this.#reply.start(response);
  }

  end(failure: Failure | null): void {
    const owner = this.#owner;
    const verdict = verdictOf(owner.classifier, this.#request, this.#response, failure);
    const nowMs = this.#options.clock.nowMs();
    owner.stats.ended(verdict, failure, nowMs - this.#startedMs);
    owner.ended(verdict, nowMs);
    this.#reply.end(failure);
  }
}
