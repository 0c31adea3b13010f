// Makes an endpoint seem slow or broken, to see how callers cope. Off until switched on.
import type { Clock, Close, Random } from "../../core/clock.ts";
import { failure } from "../../core/failure.ts";
import type { Failure } from "../../core/failure.ts";
import type { Request } from "../../core/request.ts";
import type { Filter, Pending, Reply, Service } from "../../core/service.ts";
import { ended, PendingSlot } from "../../core/service.ts";
import type { FaultSwitch } from "./fault-switches.ts";

const broken = failure(
  "closed",
  "this call was broken off on purpose: faults are switched on for its client",
  "if-idempotent",
);

/** Stands right above the wire: accrual, retries and timeouts blame the endpoint. */
export function faultFilter<Req extends Request, Res>(
  faults: FaultSwitch,
  clock: Clock,
  random: Random,
): Filter<Req, Res> {
  return (request, reply, next) => {
    const { isOn, delayMs, delayPercent, abortPercent } = faults.setting;
    if (!isOn) return next(request, reply);
    const isDelayed = random() * 100 < delayPercent;
    const isAborted = random() * 100 < abortPercent;
    if (isDelayed) {
      faults.delayed.value++;
      noteFault(request, `delay ${delayMs}`);
    }
    if (isAborted) {
      faults.aborted.value++;
      noteFault(request, "abort");
    }
    const service = isAborted ? breaks : next;
    if (!isDelayed) return service(request, reply);
    return new DelayedCall(request, reply, service, clock, delayMs);
  };
}

function breaks<Req, Res>(_: Req, reply: Reply<Res>): Pending {
  reply.end(broken);
  return ended;
}

/** The faults of all attempts of a call, in order, each kind once. */
function noteFault(request: Request, fault: string): void {
  const before = request.fault;
  if (before === undefined) request.fault = fault;
  else if (!before.split(", ").includes(fault)) request.fault = `${before}, ${fault}`;
}

class DelayedCall<Req, Res> implements Pending {
  readonly #reply: Reply<Res>;
  #closeTimer: Close | null;
  readonly #sent = new PendingSlot();

  constructor(
    request: Req,
    reply: Reply<Res>,
    service: Service<Req, Res>,
    clock: Clock,
    delayMs: number,
  ) {
    this.#reply = reply;
    this.#closeTimer = clock.after(delayMs, () => {
      this.#closeTimer = null;
      this.#sent.hold(service(request, reply));
    });
  }

  cancel(why: Failure): void {
    if (this.#closeTimer === null) return this.#sent.cancel(why);
    this.#closeTimer();
    this.#closeTimer = null;
    this.#sent.hold(ended);
    this.#reply.end(why);
  }
}
