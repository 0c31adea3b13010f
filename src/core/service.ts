// The algebra of the data path: a call is a function, what stands before it is a filter.
import type { Failure } from "./failure.ts";

/** Receives one response: `start` at most once, then `end` exactly once. */
export interface Reply<Res> {
  /** The head of the response is here; its body may still flow. */
  start(response: Res): void;
  /** null: complete. Before `start` a failure takes the place of the response; after it, it says that the body broke. */
  end(failure: Failure | null): void;
}

/** A call in flight. `cancel` is idempotent and makes the call end with `why`. */
export interface Pending {
  cancel(why: Failure): void;
}

/** The unit of composition: takes a request and replies once. May reply before it returns. */
export type Service<Req, Res> = (request: Req, reply: Reply<Res>) => Pending;

/** Stands before a service. Calls `next` zero, one or more times, and replies once. */
export type Filter<Req, Res> = (
  request: Req,
  reply: Reply<Res>,
  next: Service<Req, Res>,
) => Pending;

/**
 * First filter is outermost: `stack([stats, deadline, retry], leaf)` reads top to bottom. null: a
 * filter that the configuration leaves out; it costs nothing per call.
 */
export function stack<Req, Res>(
  filters: readonly (Filter<Req, Res> | null)[],
  leaf: Service<Req, Res>,
): Service<Req, Res> {
  return filters.reduceRight<Service<Req, Res>>(
    (next, filter) => (filter === null ? next : (request, reply) => filter(request, reply, next)),
    leaf,
  );
}

/** The `Pending` of a call that has ended already: there is nothing left to cancel. */
export const ended: Pending = { cancel() {} };

/**
 * The call that a filter has passed on. A service may call back before it has returned its Pending, and
 * the call may be cancelled within that callback: the cancellation is kept until the Pending is here.
 */
export class PendingSlot implements Pending {
  /** Why the call was cancelled; null: it was not. The first reason counts. */
  cancelled: Failure | null = null;
  #pending: Pending | null = null;

  hold(pending: Pending): void {
    this.#pending = pending;
    if (this.cancelled !== null) pending.cancel(this.cancelled);
  }

  /** The attempt that was held has ended, and another begins. */
  clear(): void {
    this.#pending = null;
  }

  cancel(why: Failure): void {
    this.cancelled ??= why;
    this.#pending?.cancel(why);
  }
}
