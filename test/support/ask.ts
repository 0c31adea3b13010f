// Turns a service into a promise, for tests that read better so.
import type { Failure } from "../../src/core/failure.ts";
import type { Pending, Service } from "../../src/core/service.ts";
import { exactlyOnce } from "./exactly-once.ts";

export interface Answer<Res> {
  readonly response: Res | null;
  readonly failure: Failure | null;
}

export interface Asked<Res> extends Pending {
  /** null until the answer has ended. */
  readonly answer: Answer<Res> | null;
  /** The head, as soon as it is there. */
  readonly response: Res | null;
  /** Resolves when the answer has ended. */
  readonly ended: Promise<Answer<Res>>;
}

/** Sends a request and holds the service to its contract. */
export function send<Req, Res>(service: Service<Req, Res>, request: Req): Asked<Res> {
  let response: Res | null = null;
  let answer: Answer<Res> | null = null;
  let resolve: (answer: Answer<Res>) => void = () => {};
  const ended = new Promise<Answer<Res>>((done) => (resolve = done));
  const pending = exactlyOnce(service)(request, {
    start: (head) => (response = head),
    end: (failure) => {
      answer = { response, failure };
      resolve(answer);
    },
  });
  return {
    get answer() {
      return answer;
    },
    get response() {
      return response;
    },
    ended,
    cancel: (why) => pending.cancel(why),
  };
}

/** Resolves when the answer has ended. */
export function ask<Req, Res>(service: Service<Req, Res>, request: Req): Promise<Answer<Res>> {
  return send(service, request).ended;
}
