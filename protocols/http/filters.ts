// What HTTP asks of a proxy beyond moving bytes: loops, contexts, names, traces, where it went.
import { ended } from "../../src/core/service.ts";
import { fieldOf } from "./codec/field-lookup.ts";
import { noBody } from "./message.ts";
import { refusal } from "./codec/parse-errors.ts";
import { viaAfter } from "./codec/via.ts";
import type { Clock } from "../../src/core/clock.ts";
import type { Failure } from "../../src/core/failure.ts";
import type { Verdict } from "../../src/core/classifier.ts";
import type { Filter, Pending, Reply } from "../../src/core/service.ts";
import type { Context } from "./filters/context.ts";
import type { Fields, HttpRequest, HttpResponse } from "./message.ts";

export type HttpFilter = Filter<HttpRequest, HttpResponse>;

export interface ServerFilterOptions {
  readonly context: Context;
  readonly clock: Clock;
  readonly clearContext: boolean;
  readonly maxCallDepth: number;
  /** Answers or counts down `Max-Forwards` of a TRACE or OPTIONS. */
  readonly maxForwards: HttpFilter;
  /** Makes the `Forwarded` value; null: none is added. */
  readonly forwarded: ((request: HttpRequest) => string) | null;
  /** The field that tells when the request came; null: none is added. */
  readonly timestampHeader: string | null;
  /** Total time for a request; Infinity: no limit. */
  readonly timeoutMs: number;
}

/** What stands between a server and its router, outermost first. */
export function serverFilters(options: ServerFilterOptions): readonly HttpFilter[] {
  const { clock, clearContext, forwarded, timestampHeader, timeoutMs } = options;
  const filters: (HttpFilter | null)[] = [
    // Outermost: nothing below may believe what a caller from outside says of its context.
    clearContext ? clearedContext : null,
    // Above all that looks at the deadline, the dtab or the trace.
    arrival(options),
    // The caller's own deadline is known; the server's may only shorten it.
    timeoutMs === Infinity ? null : serverTimeout(timeoutMs, clock),
    // Last, for all that is routed: what the service is told of this hop.
    forwarded === null ? null : addField("Forwarded", forwarded),
    timestampHeader === null ? null : addField(timestampHeader, wallTime(clock)),
  ];
  return filters.filter((filter) => filter !== null);
}

/** Drops every `l5d-*` field in both directions, and the body of an answer that tells an error. */
const clearedContext: HttpFilter = (request, reply, next) => {
  request.context = null;
  return next(request, new ClearedReply(reply));
};

class ClearedReply implements Reply<HttpResponse> {
  readonly #reply: Reply<HttpResponse>;
  constructor(reply: Reply<HttpResponse>) {
    this.#reply = reply;
  }
  start(response: HttpResponse): void {
    const { context } = response;
    // Not removed: the classifiers below look at it once more when the call ends.
    response.hidesContext = true;
    response.verdict = null;
    if (context === null || fieldOf(context, "l5d-err") === null)
      return this.#reply.start(response);
    this.#reply.start({ ...response, body: noBody });
    response.body.cancel(); // which ends the call: it has to have its answer by then
    return undefined;
  }
  end(why: Failure | null): void {
    this.#reply.end(why);
  }
}

/**
 * What every call passes, in one filter since each part is a matter of nanoseconds: the hops that
 * `Via` tells of, before anything is spent on a call that goes round in a circle; its context; and
 * behind the context, which the answer to a TRACE shows, `Max-Forwards`.
 */
function arrival({ maxCallDepth, context, maxForwards }: ServerFilterOptions): HttpFilter {
  const tooDeep = refusal(
    400,
    `Maximum number of calls (${maxCallDepth}) has been exceeded. Please check for proxy loops.`,
  );
  return (request, reply, next) => {
    const { via, version, method } = request;
    if (via !== null && itemsOf(via) > maxCallDepth) return refused(reply, tooDeep);
    request.via = viaAfter(via, version);
    const problem = context.read(request);
    if (problem !== null) return refused(reply, refusal(400, problem));
    if (method !== "TRACE" && method !== "OPTIONS") return next(request, reply);
    return maxForwards(request, reply, next);
  };
}

function refused(reply: Reply<HttpResponse>, why: Failure): Pending {
  reply.end(why);
  return ended;
}

/** The items of a list; empty ones do not count (RFC 9110 section 5.6.1). */
function itemsOf(list: string): number {
  let count = 0;
  let isEmpty = true;
  for (let i = 0; i < list.length; i++) {
    const code = list.charCodeAt(i);
    if (code === 44) isEmpty = true; // ','
    else if (isEmpty && code !== 32 && code !== 9) {
      isEmpty = false;
      count++;
    }
  }
  return count;
}

function serverTimeout(timeoutMs: number, clock: Clock): HttpFilter {
  return (request, reply, next) => {
    request.deadlineMs = Math.min(request.deadlineMs, clock.nowMs() + timeoutMs);
    return next(request, reply);
  };
}

/** Adds a line, and leaves those that are there: each hop writes its own. */
function addField(name: string, valueOf: (request: HttpRequest) => string): HttpFilter {
  return (request, reply, next) => {
    request.fields.list.push(name, valueOf(request));
    return next(request, reply);
  };
}

const wallTime = (clock: Clock) => () => String(Math.floor(clock.wallMs()));

/** Adds what the endpoint is told about the call; `diagnose` then sees those that ask for a report. */
export function wireContext(context: Context, diagnose: HttpFilter): HttpFilter {
  return (request, reply, next) => {
    request.contextOut = context.write(request);
    return request.method === "TRACE" ? diagnose(request, reply, next) : next(request, reply);
  };
}

/** Tells the caller what its answer counts as. */
export function mark(response: HttpResponse, verdict: Verdict): void {
  response.verdict = verdict;
}

/** The answer goes to nobody: what is left of its body is drained, or its connection closed. */
export function discard(response: HttpResponse): void {
  response.body.cancel();
}

/**
 * Sends the Host that the endpoint wants (`authority` of its address) and turns the same text in
 * `Location` and `Refresh` of the answer back into the Host that the caller used. The request has
 * the caller's Host again before anybody behind hears of the answer: the next try may go to an
 * endpoint that wants another.
 */
export function wireAuthority(authority: string): HttpFilter {
  const literally = authority.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const inUri = new RegExp(`//${literally}(?=[/?#"';,\\s]|$)`, "gi");
  return (request, reply, next) => {
    const callersHost = request.host;
    request.host = authority;
    return next(request, {
      start(response) {
        request.host = callersHost;
        if (callersHost !== null) renameHost(response.fields.list, inUri, callersHost);
        reply.start(response);
      },
      end(why) {
        request.host = callersHost;
        reply.end(why);
      },
    });
  };
}

function renameHost(fields: Fields, inUri: RegExp, host: string): void {
  for (let i = 0; i < fields.length; i += 2) {
    const name = (fields[i] ?? "").toLowerCase();
    if (name !== "location" && name !== "refresh") continue;
    fields[i + 1] = (fields[i + 1] ?? "").replace(inUri, () => `//${host}`);
  }
}
