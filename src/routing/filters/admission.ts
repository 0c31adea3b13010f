// Refuses calls immediately beyond a number in progress: nothing waits, nothing is buffered.
import { failure } from "../../core/failure.ts";
import type { Failure } from "../../core/failure.ts";
import { ended } from "../../core/service.ts";
import type { Filter, Reply } from "../../core/service.ts";

/** `maxConcurrentRequests` of a server. What it refuses is safe to send again elsewhere. */
export function admissionFilter<Req, Res>(maxConcurrentRequests: number): Filter<Req, Res> {
  let inProgress = 0;
  const release = () => void inProgress--;
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
    return next(request, new Admitted(reply, release));
  };
}

class Admitted<Res> implements Reply<Res> {
  readonly #reply: Reply<Res>;
  readonly #release: () => void;

  constructor(reply: Reply<Res>, release: () => void) {
    this.#reply = reply;
    this.#release = release;
  }

  start(response: Res): void {
    this.#reply.start(response);
  }

  end(failed: Failure | null): void {
    this.#release();
    this.#reply.end(failed);
  }
}
