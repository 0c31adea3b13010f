// Holds back a part of the calls while most are refused by the endpoints as too many.
import type { Clock, Random } from "../../core/clock.ts";
import type { Failure } from "../../core/failure.ts";
import { failure } from "../../core/failure.ts";
import type { Filter, Reply } from "../../core/service.ts";
import { ended } from "../../core/service.ts";
import type { Stats } from "../../core/stats.ts";
import { SlidingCount } from "../accruals/sliding-count.ts";

/** `nackAdmission` of a client. */
export interface NackAdmissionOptions {
  /** The refusals of about so long count. */
  readonly windowMs: number;
  /** A larger share of refusals than this, 0 to 1, and calls are held back. */
  readonly threshold: number;
}

export interface NackAdmissionDeps<Res> {
  readonly clock: Clock;
  readonly random: Random;
  /** `client/<id>`. */
  readonly stats: Stats;
  /** For people: whose calls these are. */
  readonly what: string;
  pushesBack(response: Res): boolean;
}

/** However bad it gets, a quarter of the calls goes through to find out when it is better. */
const maxDropProbability = 0.75;
/** With fewer calls a second nothing is held back. */
const minCallsPerSecond = 5;

/** Made once for a cluster; sees each attempt. */
export function nackAdmissionFilter<Req, Res>(
  options: NackAdmissionOptions,
  deps: NackAdmissionDeps<Res>,
): Filter<Req, Res> {
  const { clock, random, what } = deps;
  const stats = deps.stats.scope("nack_admission");
  const rate = new AcceptRate(options, clock.nowMs());
  const dropped = stats.counter("dropped");
  stats.gauge(() => rate.accepted, "accept_rate");
  const refused = failure(
    "exhausted",
    `${what} refuses most calls as too many: this one was not sent (nackAdmission)`,
  );
  return (request, reply, next) => {
    const nowMs = clock.nowMs();
    const dropProbability = rate.dropProbability(nowMs);
    if (dropProbability > 0 && random() < dropProbability) {
      dropped.value++;
      reply.end(refused);
      return ended;
    }
    return next(request, new WatchedReply(reply, rate, deps));
  };
}

/** A moving average over time of the share of attempts that were not refused; begins at 1. */
class AcceptRate {
  readonly #options: NackAdmissionOptions;
  readonly #calls = new SlidingCount(1_000, 10);
  accepted = 1;
  #stampMs: number;

  constructor(options: NackAdmissionOptions, nowMs: number) {
    this.#options = options;
    this.#stampMs = nowMs;
  }

  /** Counts the call that asks. */
  dropProbability(nowMs: number): number {
    this.#calls.add(nowMs, 1);
    if (this.#calls.sum(nowMs) < minCallsPerSecond) {
      this.count(nowMs, 1);
      return 0;
    }
    const least = 1 - this.#options.threshold;
    if (this.accepted >= least) return 0;
    return Math.min(maxDropProbability, 1 - this.accepted / least);
  }

  count(nowMs: number, sample: 0 | 1): void {
    const memory = Math.exp((this.#stampMs - nowMs) / this.#options.windowMs);
    this.accepted = this.accepted * memory + sample * (1 - memory);
    this.#stampMs = nowMs;
  }
}

class WatchedReply<Res> implements Reply<Res> {
  readonly #reply: Reply<Res>;
  readonly #rate: AcceptRate;
  readonly #deps: NackAdmissionDeps<Res>;
  #hasStarted = false;

  constructor(reply: Reply<Res>, rate: AcceptRate, deps: NackAdmissionDeps<Res>) {
    this.#reply = reply;
    this.#rate = rate;
    this.#deps = deps;
  }

  start(response: Res): void {
    this.#hasStarted = true;
    this.#rate.count(this.#deps.clock.nowMs(), this.#deps.pushesBack(response) ? 0 : 1);
    this.#reply.start(response);
  }

  end(why: Failure | null): void {
    if (!this.#hasStarted && why !== null && why.kind !== "cancelled") {
      this.#rate.count(this.#deps.clock.nowMs(), why.kind === "limited" ? 0 : 1);
    }
    this.#reply.end(why);
  }
}
