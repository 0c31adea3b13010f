// Finagle's own contexts, as bytes.
interface Trace {
  readonly trace: bigint;
  readonly span: bigint;
  /** 1: debug, 2: sampling is decided, 4: sampled. */
  readonly flags: bigint;
}

type Contexts = Readonly<Record<string, Buffer>>;

const traceId = "com.twitter.finagle.tracing.TraceContext";
const deadlineId = "com.twitter.finagle.Deadline";
const clientIdId = "com.twitter.finagle.thrift.ClientIdContext";

const numbers = (...all: bigint[]): Buffer => {
  const bytes = Buffer.alloc(8 * all.length);
  for (const [i, value] of all.entries()) bytes.writeBigUInt64BE(value, 8 * i);
  return bytes;
};

/** Of a root: Finagle's clients make a span below it. */
export function traceContexts({ trace, span, flags }: Trace): Contexts {
  return { [traceId]: numbers(span, span, trace, flags) };
}

/** In nanoseconds since 1970, both. */
export function deadlineContexts(sentNs: bigint, deadlineNs: bigint): Contexts {
  return { [deadlineId]: numbers(sentNs, deadlineNs) };
}

interface Told {
  readonly contexts: Contexts;
}

export function traceOf({ contexts }: Told): Trace {
  const bytes = contexts[traceId];
  if (bytes === undefined) throw new Error("the call has no trace");
  const [span = 0n, , trace = 0n, flags = 0n] = [0, 8, 16, 24].map((at) =>
    bytes.readBigUInt64BE(at),
  );
  return { span, trace, flags };
}

/** In nanoseconds since 1970; null: there is no deadline. */
export const deadlineNsOf = ({ contexts }: Told): bigint | null =>
  contexts[deadlineId]?.readBigUInt64BE(8) ?? null;

export const clientIdOf = ({ contexts }: Told): string | undefined =>
  contexts[clientIdId]?.toString();
