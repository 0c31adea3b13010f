// What all exporters of spans share: they listen for recorded calls, and have a share of the traces.
import type { CallRecord } from "../../core/calls/record.ts";
import type { TelemeterDeps } from "../telemeter.ts";

interface Taking {
  /** Asked for each recorded call, before its record is made. */
  hasRoom(): boolean;
  take(call: CallRecord): void;
}

/** Hands recorded calls to `taking` until the result is closed. `name` is that of the exporter on pages. */
export function exportCalls(
  name: string,
  sampleRate: number,
  { calls, sampler }: Pick<TelemeterDeps, "calls" | "sampler">,
  taking: Taking,
): () => void {
  const share = sampler.add(name, sampleRate);
  const stop = calls.listen(() => ({
    wants: (call) => share.wants(call) && taking.hasRoom(),
    take: (call) => taking.take(call),
  }));
  return () => {
    stop();
    share.close();
  };
}
