// Where calls wait for discovery: bounded in number and in time. The only waiting place of routing.
import { noteWait } from "../core/calls/waits.ts";
import type { Clock, Close } from "../core/clock.ts";
import type { Failure } from "../core/failure.ts";
import { failure } from "../core/failure.ts";
import { showDuration } from "../core/duration.ts";
import type { Request } from "../core/request.ts";
import type { Pending, Reply, Service } from "../core/service.ts";
import { ended, PendingSlot } from "../core/service.ts";

/** When more calls than this wait for one name, discovery is down, and memory would run out next. */
const maxWaitingCalls = 1_000;

export interface WaitingRoomOptions {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** What is waited for, for people: `resolving name: /svc/x`. */
  readonly what: string;
  /** Why it takes so long, when that is known. */
  readonly cause?: () => string | undefined;
}

/** Owns the calls that wait in it, and a timer for each. */
export class WaitingRoom<Req extends Request, Res> {
  readonly #options: WaitingRoomOptions;
  /** In the order of arrival. */
  readonly #calls = new Set<WaitingCall<Req, Res>>();

  constructor(options: WaitingRoomOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#calls.size;
  }

  /** Keeps the call until `admit` hands it to `service`, or `refuse`, time or its caller ends it. */
  wait(request: Req, reply: Reply<Res>, service: Service<Req, Res>): Pending {
    const { clock, timeoutMs } = this.#options;
    if (this.#calls.size >= maxWaitingCalls) {
      reply.end(this.#full());
      return ended;
    }
    const call = new WaitingCall(this.#calls, clock, request, reply, service);
    this.#calls.add(call);
    call.closeTimer = clock.after(timeoutMs, () => call.cancel(this.#late()));
    return call;
  }

  admit(): void {
    for (const call of Array.from(this.#calls)) call.admit();
  }

  refuse(why: Failure): void {
    for (const call of Array.from(this.#calls)) call.cancel(why);
  }

  #full(): Failure {
    const detail = `${maxWaitingCalls} calls are waiting already while ${this.#options.what}`;
    return failure("exhausted", detail, "safe");
  }

  #late(): Failure {
    const { timeoutMs, what } = this.#options;
    const limit = showDuration(timeoutMs);
    const cause = this.#options.cause?.();
    const why = cause === undefined ? "" : `: ${cause}`;
    return failure("unresolved", `Exceeded ${limit} binding timeout while ${what}${why}`, "safe");
  }
}

class WaitingCall<Req extends Request, Res> implements Pending {
  readonly #calls: Set<WaitingCall<Req, Res>>;
  readonly #clock: Clock;
  readonly #sinceMs: number;
  readonly #request: Req;
  readonly #reply: Reply<Res>;
  readonly #service: Service<Req, Res>;
  closeTimer: Close | null = null;
  readonly #admitted = new PendingSlot();

  constructor(
    calls: Set<WaitingCall<Req, Res>>,
    clock: Clock,
    request: Req,
    reply: Reply<Res>,
    service: Service<Req, Res>,
  ) {
    this.#calls = calls;
    this.#clock = clock;
    this.#sinceMs = clock.nowMs();
    this.#request = request;
    this.#reply = reply;
    this.#service = service;
  }

  admit(): void {
    if (!this.#leave()) return;
    this.#admitted.hold(this.#service(this.#request, this.#reply));
  }

  cancel(why: Failure): void {
    if (this.#leave()) this.#reply.end(why);
    else this.#admitted.cancel(why);
  }

  /** false when it had left already. */
  #leave(): boolean {
    if (!this.#calls.delete(this)) return false;
    this.closeTimer?.();
    noteWait(this.#request, "bindingMs", this.#clock.nowMs() - this.#sinceMs);
    return true;
  }
}
