// The server key `clearContext`: callers from outside neither send nor see `l5d-*` fields.
import type { Failure } from "../../../src/core/failure.ts";
import type { Reply } from "../../../src/core/service.ts";
import { noBody } from "../codec/body.ts";
import { fieldOf } from "../codec/passthrough-fields.ts";
import type { HttpFilter, HttpResponse } from "../message.ts";
import type { Context } from "./context.ts";

/**
 * Drops every `l5d-*` field in both directions, the caller's trace in whatever format the router reads, and the
 * body of a proxy's error response.
 */
export function clearedContext(context: Pick<Context, "clear">): HttpFilter {
  return (request, reply, next) => {
    context.clear(request);
    return next(request, new ClearedReply(reply));
  };
}

class ClearedReply implements Reply<HttpResponse> {
  readonly #reply: Reply<HttpResponse>;
  constructor(reply: Reply<HttpResponse>) {
    this.#reply = reply;
  }
  start(response: HttpResponse): void {
    const { context } = response;
    // Hidden rather than removed: classifiers below read it when the call ends.
    response.hidesContext = true;
    response.verdict = null;
    if (context === null || fieldOf(context, "l5d-err") === null)
      return this.#reply.start(response);
    this.#reply.start({ ...response, body: noBody });
    response.body.cancel(); // ends the call, which must have its response by then
    return undefined;
  }
  end(why: Failure | null): void {
    this.#reply.end(why);
  }
}
