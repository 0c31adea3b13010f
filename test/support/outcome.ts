// Turns a service into a promise, for tests that read better so.
import type { Failure } from "../../src/core/failure.ts";
import type { Pending, Service } from "../../src/core/service.ts";
import { exactlyOnce } from "./exactly-once.ts";

export interface Outcome<Res> {
  readonly response: Res | null;
  readonly failure: Failure | null;
}

export interface SentRequest<Res> extends Pending {
  /** null until the response has ended. */
  readonly outcome: Outcome<Res> | null;
  /** The head, as soon as it is there. */
  readonly response: Res | null;
  /** Resolves when the response has ended. */
  readonly ended: Promise<Outcome<Res>>;
}

/** Sends a request and holds the service to its contract. */
export function send<Req, Res>(service: Service<Req, Res>, request: Req): SentRequest<Res> {
  let response: Res | null = null;
  let outcome: Outcome<Res> | null = null;
  let resolve: (outcome: Outcome<Res>) => void = () => {};
  const ended = new Promise<Outcome<Res>>((done) => (resolve = done));
  const pending = exactlyOnce(service)(request, {
    start: (head) => (response = head),
    end: (failure) => {
      outcome = { response, failure };
      resolve(outcome);
    },
  });
  return {
    get outcome() {
      return outcome;
    },
    get response() {
      return response;
    },
    ended,
    cancel: (why) => pending.cancel(why),
  };
}

/** Resolves when the response has ended. */
export function outcomeOf<Req, Res>(
  service: Service<Req, Res>,
  request: Req,
): Promise<Outcome<Res>> {
  return send(service, request).ended;
}
