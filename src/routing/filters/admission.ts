// Refuses calls beyond a number in progress, at once: nothing waits, nothing is buffered.
import { failure } from "../../core/failure.ts";
import type { Failure } from "../../core/failure.ts";
import { ended } from "../../core/service.ts";
import type { Filter, Reply } from "../../core/service.ts";

/** `maxConcurrentRequests` of a server. What it refuses is safe to send again elsewhere. */
export function admissionFilter<Req, Res>(maxConcurrentRequests: number): Filter<Req, Res> {
  let inProgress = 0;
  const leave = () => void inProgress--;
  const refused = failure(
    "exhausted",
    `${maxConcurrentRequests} requests are in progress, and maxConcurrentRequests of this server allows no more`,
    "safe",
  );
  return (request, reply, next) => {
    if (inProgress >= maxConcurrentRequests) {
      reply.end(refused);
      return ended;
    }
    inProgress++;
    return next(request, new Admitted(reply, leave));
  };
}

class Admitted<Res> implements Reply<Res> {
  readonly #reply: Reply<Res>;
  readonly #leave: () => void;

  constructor(reply: Reply<Res>, leave: () => void) {
    this.#reply = reply;
    this.#leave = leave;
  }

  start(response: Res): void {
    this.#reply.start(response);
  }

  end(failed: Failure | null): void {
    this.#leave();
    this.#reply.end(failed);
  }
}
