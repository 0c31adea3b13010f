// The header that an upgraded endpoint gets before a call.
import { emptyDtab, showDtab } from "../../../src/core/names/dtab.ts";
import type { Clock, Random } from "../../../src/core/clock.ts";
import type { Dtab } from "../../../src/core/names/dtab.ts";
import { attemptSpan } from "../../../src/core/tracing/attempt-span.ts";
import type { ThriftProtocol } from "../codec/types.ts";
import type { ThriftRequest } from "../message.ts";
import { clientIdOf, traceOf, withDeadline, withoutTrace } from "./contexts.ts";
import type { Trace } from "./contexts.ts";
import { writeRequestHeader } from "./headers.ts";
import type { RequestHeader } from "./headers.ts";
import { traceFields } from "./traces.ts";

/** Makes the header of one attempt: each attempt is a span of its own. */
export function headerMaker(
  protocol: ThriftProtocol,
  { clock, random }: { readonly clock: Clock; readonly random: Random },
): (request: ThriftRequest) => readonly Uint8Array[] {
  return (request) => writeRequestHeader(protocol, headerFor(request, clock, random));
}

function headerFor(request: ThriftRequest, clock: Clock, random: Random): RequestHeader {
  const { callerContext, dest, localDtab, deadlineMs } = request;
  const contexts = callerContext === null ? [] : withoutTrace(callerContext.contexts);
  return {
    ...attemptFields(request, random),
    clientId: callerContext === null ? null : clientIdOf(callerContext),
    contexts: withDeadline(contexts, deadlineMs, clock),
    // Linkerd always sends one, even when its caller did not.
    dest,
    delegations: localDtab === emptyDtab ? [] : delegationsOf(localDtab),
  };
}

/** Of a new span below the server's, if there is one, otherwise below the caller's. */
function attemptFields(request: ThriftRequest, random: Random) {
  const { span, callerContext } = request;
  if (span !== null) return traceFields(attemptSpan(request, span, random));
  const spanId = newId(random);
  const trace = (callerContext === null ? null : traceOf(callerContext)) ?? newTrace(spanId);
  return { ...trace, spanId };
}

/** A trace that begins here: its first span carries the trace's own id. */
function newTrace(spanId: bigint): Trace {
  return { traceId: spanId, parentSpanId: null, sampled: null, flags: 0n, traceIdHigh: null };
}

/** Prefix and tree of each entry, as text. */
function delegationsOf(dtab: Dtab): [string, string][] {
  return dtab.map((dentry) => {
    const text = showDtab([dentry]);
    const arrow = text.indexOf("=>");
    return [text.slice(0, arrow), text.slice(arrow + 2)];
  });
}

function newId(random: Random): bigint {
  const half = () => BigInt(Math.floor(random() * 0x1_0000_0000));
  return BigInt.asIntN(64, (half() << 32n) | half());
}
