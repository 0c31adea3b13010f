// ThriftMux endpoints: Thrift calls in mux messages, over one connection to each.
import { failure } from "../../../src/core/failure.ts";
import type { Failure } from "../../../src/core/failure.ts";
import type { Wire } from "../../../src/core/transport.ts";
import type { Clock } from "../../../src/core/clock.ts";
import { ended } from "../../../src/core/service.ts";
import type { Reply } from "../../../src/core/service.ts";
import type { MuxResponse } from "../../mux/message.ts";
import type { MuxWire } from "../../mux/client/wire.ts";
import { readCallerDeadline } from "../../mux/filters.ts";
import { statusOk } from "../../mux/message.ts";
import type { ThriftRequest, ThriftResponse } from "../../thrift/message.ts";
import { carrySpan, dispatchOf } from "../filters.ts";
import { muxOf } from "../message.ts";
import { thriftResponseIn, thriftErrorOf } from "../codec/payload.ts";

/** The same wire for Thrift calls; closing one closes the other. */
export function thriftOver(wire: MuxWire, clock: Clock): Wire<ThriftRequest, ThriftResponse> {
  return {
    service(request, reply) {
      let mux = muxOf(request);
      if (mux === null) {
        const made = dispatchOf(request);
        if ("problem" in made) {
          reply.end(failure("exhausted", `the caller sent ${made.problem}`));
          return ended;
        }
        mux = made;
        readCallerDeadline(mux, clock);
      }
      carrySpan(request, mux);
      mux.deadlineMs = request.deadlineMs;
      mux.bound = request.bound;
      return wire.service(mux, new ThriftReply(request, reply));
    },
    get status() {
      return wire.status;
    },
    get connections() {
      return wire.connections;
    },
    close: (graceMs) => wire.close(graceMs),
  };
}

class ThriftReply implements Reply<MuxResponse> {
  readonly #request: ThriftRequest;
  readonly #reply: Reply<ThriftResponse>;
  #problem: string | null = null;

  constructor(request: ThriftRequest, reply: Reply<ThriftResponse>) {
    this.#request = request;
    this.#reply = reply;
  }

  start(response: MuxResponse): void {
    if (response.status !== statusOk) {
      return this.#reply.start(thriftErrorOf(response, this.#request));
    }
    const thrift = thriftResponseIn(response, this.#request);
    if (typeof thrift !== "string") return this.#reply.start(thrift);
    this.#problem = thrift;
    return undefined;
  }

  end(why: Failure | null): void {
    if (this.#problem === null) return this.#reply.end(why);
    const detail = `the endpoint sent a response that is not Thrift: ${this.#problem}`;
    return this.#reply.end(failure("malformed", detail));
  }
}
