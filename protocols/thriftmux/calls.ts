// How calls are read for their records: as in Thrift, with the trace of the mux message around them.
import type { CallReader } from "../../src/core/calls/ended-call.ts";
import { isTraceSampled, traceOf } from "../mux/codec/traces.ts";
import { callReader as thriftCalls } from "../thrift/calls.ts";
import type { CompletedCall } from "./message.ts";
import { muxOf } from "./message.ts";

export const callReader: CallReader<CompletedCall> = {
  protocol: "thriftmux",
  outcomeOf: thriftCalls.outcomeOf,
  isSampled(call) {
    const mux = muxOf(call.request);
    return mux === null ? thriftCalls.isSampled(call) : isTraceSampled(mux);
  },
  describe(call, headers) {
    const described = thriftCalls.describe(call, headers);
    const mux = muxOf(call.request);
    return mux === null ? described : { ...described, target: mux.dest, trace: traceOf(mux) };
  },
};
