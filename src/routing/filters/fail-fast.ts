// Fails calls immediately while no endpoint of a client has been ready for some time.
import type { Clock, Close } from "../../core/clock.ts";
import type { Failure } from "../../core/failure.ts";
import type { Filter } from "../../core/service.ts";
import { ended } from "../../core/service.ts";
import type { Stats } from "../../core/stats.ts";

/** A shorter outage is only a hiccup. */
const failFastAfterMs = 3_000;

export interface FailFastDeps {
  readonly clock: Clock;
  /** `client/<id>`. */
  readonly stats: Stats;
  /** For people: whose endpoints these are. */
  readonly what: string;
  /** Whether an endpoint could take a call. */
  isReady(): boolean;
  /** Fails the calls that wait for addresses. */
  refuseWaiting(why: Failure): void;
  /** What has to be closed with the cluster: a timer. */
  onClose(close: Close): void;
}

/**
 * Made once for a cluster. The first call that finds no endpoint ready starts the time. While
 * it is over, calls fail immediately until an endpoint is ready, or due for its probe.
 */
export function failFastFilter<Req, Res>(deps: FailFastDeps): Filter<Req, Res> {
  const { clock, stats, what } = deps;
  const refusals = stats.counter("fail_fast", "refused");
  const detail = `no endpoint of ${what} has been ready for ${failFastAfterMs / 1_000} s (failFast)`;
  const refused: Failure = { kind: "exhausted", retry: "safe", detail, retryAfterMs: 0 };
  let sinceMs: number | null = null;
  let close: Close = () => {};
  deps.onClose(() => close());
  const timeIsOver = () => {
    if (sinceMs === null) return;
    if (deps.isReady()) sinceMs = null;
    else deps.refuseWaiting(refused);
  };
  return (request, reply, next) => {
    if (deps.isReady()) {
      sinceMs = null;
      return next(request, reply);
    }
    const nowMs = clock.nowMs();
    if (sinceMs === null) {
      sinceMs = nowMs;
      close();
      close = clock.after(failFastAfterMs, timeIsOver);
    }
    if (nowMs - sinceMs < failFastAfterMs) return next(request, reply);
    refusals.value++;
    reply.end(refused);
    return ended;
  };
}
