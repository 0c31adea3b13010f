// Refuses requests while the whole process has more to do than it can.
import type { Clock } from "../../core/clock.ts";
import type { Failure } from "../../core/failure.ts";
import type { Filter } from "../../core/service.ts";
import { ended } from "../../core/service.ts";

/** `refusal` says why a new call is refused; null: it is taken. */
export function shedFilter<Req, Res>(
  refusal: (nowMs: number) => Failure | null,
  clock: Clock,
): Filter<Req, Res> {
  return (request, reply, next) => {
    const why = refusal(clock.nowMs());
    if (why === null) return next(request, reply);
    reply.end(why);
    return ended;
  };
}
