// A trace as records show it.
import { decisionOf, parentText, spanText, traceText } from "../tracing/trace-id.ts";
import type { TraceId } from "../tracing/trace-id.ts";
import type { RecordedTrace } from "./record.ts";

export function recordedTrace(trace: TraceId): RecordedTrace {
  return {
    traceId: traceText(trace),
    spanId: spanText(trace),
    parentId: parentText(trace),
    sampled: decisionOf(trace),
  };
}
