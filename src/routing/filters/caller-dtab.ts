// Measures the dtabs of callers, and refuses requests whose dtab the server does not accept.
import type { Dtab } from "../../core/names/dtab.ts";
import { forbidden } from "../../core/names/caller-dtab.ts";
import type { CallerDtabRule } from "../../core/names/caller-dtab.ts";
import { failure } from "../../core/failure.ts";
import type { Failure } from "../../core/failure.ts";
import type { Request } from "../../core/request.ts";
import type { Histogram, Stats } from "../../core/stats.ts";
import { ended } from "../../core/service.ts";
import type { Filter } from "../../core/service.ts";

const advice =
  "Send a dtab that leads to names, or permit this one with the router's key callerDtab.";

/**
 * `dtab/size` of a server counts entries. Stands behind the filters of the protocol, which read the dtab. An entry that is not permitted
 * fails the call: ignoring it would send the call where the caller did not mean it to go.
 */
export function callerDtabFilter<Req extends Request, Res>(
  rule: CallerDtabRule,
  stats: Stats,
): Filter<Req, Res> {
  // Made with the first dtab: most servers never see one.
  let size: Histogram | null = null;
  // Protocols parse the same text to the same dtab, so most are judged once.
  const judged = new WeakMap<Dtab, Failure | "permitted">();
  const judge = (dtab: Dtab): Failure | "permitted" => {
    const why = forbidden(dtab, rule);
    const verdict = why === null ? "permitted" : { ...failure("unidentified", why), advice };
    judged.set(dtab, verdict);
    return verdict;
  };
  return (request, reply, next) => {
    const { localDtab } = request;
    if (localDtab.length === 0) return next(request, reply);
    size ??= stats.histogram("dtab", "size");
    size.record(localDtab.length);
    const verdict = judged.get(localDtab) ?? judge(localDtab);
    if (verdict === "permitted") return next(request, reply);
    reply.end(verdict);
    return ended;
  };
}
