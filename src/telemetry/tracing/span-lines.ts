// Spans as fields of log lines, with Finagle's four moments: sr and ss of a server, cs and cr of a client.
import type { CallRecord } from "../../core/calls/record.ts";
import { annotationsOf, spanName, spansOf, tagsOf } from "./spans.ts";

/** One for each span; times are microseconds since 1970. */
export function spanLines(call: CallRecord): readonly Readonly<Record<string, unknown>>[] {
  const name = spanName(call);
  return spansOf(call).map((span) => {
    const { spanId, parentId, kind, startUs, endUs } = span;
    const [start, end] = kind === "server" ? ["sr", "ss"] : ["cs", "cr"];
    return {
      traceId: call.trace?.traceId,
      spanId,
      parentId,
      kind,
      name,
      [start as string]: startUs,
      [end as string]: endUs,
      annotations: annotationsOf(call, span).map(({ atUs, value }) => `${atUs} ${value}`),
      ...Object.fromEntries(tagsOf(call, span)),
    };
  });
}
