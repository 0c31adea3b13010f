// What stands around the calls of one client when its configuration asks for it: nothing by default.
import type { Clock, Close, Random } from "../core/clock.ts";
import type { Failure } from "../core/failure.ts";
import type { Path } from "../core/names/path.ts";
import type { Request } from "../core/request.ts";
import type { ProtocolRouter } from "../core/protocol.ts";
import type { Filter } from "../core/service.ts";
import type { Stats } from "../core/stats.ts";
import type { FaultSwitches, FaultSetting } from "./filters/fault-switches.ts";
import { concurrencyFilter } from "./filters/concurrency.ts";
import { failFastFilter } from "./filters/fail-fast.ts";
import { faultFilter } from "./filters/faults.ts";
import { hedgeFilter } from "./filters/hedge.ts";
import type { HedgeOptions } from "./filters/hedge.ts";
import { nackAdmissionFilter } from "./filters/nack-admission.ts";
import type { NackAdmissionOptions } from "./filters/nack-admission.ts";
import { TokenBucket } from "../core/pacing/token-bucket.ts";
import { rateLimitFilter } from "./filters/rate-limit.ts";
import type { TokenRate } from "../core/pacing/token-bucket.ts";
import type { LimiterMaker } from "./limiters/limiter.ts";

/** Of the `client` section; null and false: not there, and it costs nothing. */
export interface ClientFilterOptions {
  readonly rateLimit: TokenRate | null;
  readonly concurrency: LimiterMaker | null;
  readonly nackAdmission: NackAdmissionOptions | null;
  readonly hedge: HedgeOptions | null;
  readonly failFast: boolean;
  readonly faults: FaultSetting | null;
}

/** As it is unless the configuration says otherwise. */
export const noClientFilters: ClientFilterOptions = {
  rateLimit: null,
  concurrency: null,
  nackAdmission: null,
  hedge: null,
  failFast: false,
  faults: null,
};

export interface GuardParts<Req extends Request, Res> {
  readonly id: Path;
  readonly clock: Clock;
  readonly random: Random;
  /** `client/<id>`. */
  readonly stats: Stats;
  readonly faults: FaultSwitches;
  readonly protocol: Pick<ProtocolRouter<Req, Res>, "copy" | "pushesBack">;
  /** Whether an endpoint could take a call now. */
  isReady(): boolean;
  /** Fails the calls that wait for addresses. */
  refuseWaiting(why: Failure): void;
  /** Takes one from the budget for requeues, if there is room. */
  mayRequeue(nowMs: number): boolean;
}

/** Made once for a cluster: all its users share what the filters remember. */
export interface Guards<Req, Res> {
  /** Around a call with all its requeues, outermost first. */
  readonly aroundCalls: readonly Filter<Req, Res>[];
  /** Around each try, above the choice of an endpoint. */
  readonly aroundTries: readonly Filter<Req, Res>[];
  /** Where the wire of an endpoint is. */
  readonly atWires: readonly Filter<Req, Res>[];
  close(): void;
}

export function openGuards<Req extends Request, Res>(
  options: ClientFilterOptions,
  parts: GuardParts<Req, Res>,
): Guards<Req, Res> {
  const closers: Close[] = [() => parts.faults.close(parts.id)];
  return {
    aroundCalls: aroundCalls(options, parts, closers),
    aroundTries: aroundTries(options, parts),
    atWires: atWires(options, parts),
    close() {
      for (const close of closers) close();
    },
  };
}

function aroundCalls<Req extends Request, Res>(
  { rateLimit, concurrency, failFast }: ClientFilterOptions,
  parts: GuardParts<Req, Res>,
  closers: Close[],
): Filter<Req, Res>[] {
  const { clock, stats } = parts;
  const what = `the client ${parts.id}`;
  const filters: Filter<Req, Res>[] = [];
  // First what is cheapest to say no: it takes no place in what comes after.
  if (rateLimit !== null) {
    const limited = { rateLimit: new TokenBucket(rateLimit), limitedName: what };
    filters.push(rateLimitFilter(() => limited, rateLimit, clock));
  }
  if (failFast) {
    const made = failFastFilter<Req, Res>({ ...parts, what, stats: stats.scope("fail_fast") });
    filters.push(made.filter);
    closers.push(made.close);
  }
  if (concurrency !== null) {
    const limiter = concurrency(clock.nowMs());
    filters.push(concurrencyFilter(limiter, what, clock, stats.scope("concurrency")));
  }
  return filters;
}

function aroundTries<Req extends Request, Res>(
  { nackAdmission, hedge }: ClientFilterOptions,
  parts: GuardParts<Req, Res>,
): Filter<Req, Res>[] {
  const { stats, protocol } = parts;
  const filters: Filter<Req, Res>[] = [];
  if (nackAdmission !== null) {
    const deps = {
      ...parts,
      what: `the client ${parts.id}`,
      stats: stats.scope("nack_admission"),
      pushesBack: (response: Res) => protocol.pushesBack?.(response) ?? false,
    };
    filters.push(nackAdmissionFilter(nackAdmission, deps));
  }
  if (hedge !== null && protocol.copy !== undefined) {
    const copy = (request: Req) => protocol.copy?.(request) ?? null;
    filters.push(hedgeFilter(hedge, { ...parts, copy, stats: stats.scope("hedge") }));
  }
  return filters;
}

function atWires<Req extends Request, Res>(
  { faults }: ClientFilterOptions,
  { id, clock, random, stats, faults: board }: GuardParts<Req, Res>,
): Filter<Req, Res>[] {
  if (faults === null) return [];
  return [faultFilter(board.open(id, faults, stats.scope("faults")), clock, random)];
}
