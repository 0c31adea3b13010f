// Holds a service to its contract: `start` at most once, then `end` exactly once, nothing after.
import type { Failure } from "../../src/core/failure.ts";
import type { Reply, Service } from "../../src/core/service.ts";

/** Throws on an answer that breaks the contract. That an answer comes at all, `ask` waits for. */
export function exactlyOnce<Req, Res>(service: Service<Req, Res>): Service<Req, Res> {
  return (request, reply) => service(request, new CheckedReply(reply));
}

class CheckedReply<Res> implements Reply<Res> {
  readonly #reply: Reply<Res>;
  #seen: "nothing" | "start" | "end" = "nothing";

  constructor(reply: Reply<Res>) {
    this.#reply = reply;
  }

  start(response: Res): void {
    if (this.#seen !== "nothing") throw new Error(`start() came after ${this.#seen}()`);
    this.#seen = "start";
    this.#reply.start(response);
  }

  end(failure: Failure | null): void {
    if (this.#seen === "end") throw new Error("end() came twice");
    if (this.#seen === "nothing" && failure === null) throw new Error("end(null) without start()");
    this.#seen = "end";
    this.#reply.end(failure);
  }
}
