// Fails calls at once when nothing of a client has been ready for a while.
import type { Clock, Close } from "../../core/clock.ts";
import type { Failure } from "../../core/failure.ts";
import type { Filter } from "../../core/service.ts";
import { ended } from "../../core/service.ts";
import type { Stats } from "../../core/stats.ts";

/** After so long it is no hiccup. */
const failFastAfterMs = 3_000;

export interface FailFastDeps {
  readonly clock: Clock;
  /** `client/<id>`. */
  readonly stats: Stats;
  /** For people: whose endpoints these are. */
  readonly what: string;
  /** Whether an endpoint could take a call. */
  isReady(): boolean;
  /** Nothing has been ready for too long: those who wait fail with this. */
  refuseWaiting(why: Failure): void;
  /** What has to be closed with the cluster: a timer. */
  onClose(close: Close): void;
}

/**
 * One for a cluster. Looks at each call; the first that finds nothing ready starts the time. While
 * it is over calls fail at once, until an endpoint is ready: also one that is due for its probe.
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
