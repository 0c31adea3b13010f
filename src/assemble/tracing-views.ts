// The page of the exporters of spans, and what it can change.
import type { AdminViews } from "../admin/views.ts";
import type { Sampler } from "../core/tracing/sampler.ts";
import type { Telemeter } from "../telemetry/telemeter.ts";

interface TracingParts {
  readonly sampler: Sampler;
  readonly telemeters: readonly Telemeter[];
}

export function tracingViews({
  sampler,
  telemeters,
}: TracingParts): Pick<AdminViews, "tracing" | "setTracing"> {
  return {
    tracing() {
      // Both are in the order of the file.
      const exported = telemeters.flatMap(({ spans }) => (spans === undefined ? [] : [spans()]));
      const exporters = sampler.shares.map(({ name, rate }, i) => ({
        exporter: name,
        sampleRate: rate,
        ...exported[i],
      }));
      return { enabled: sampler.isEnabled, exporters };
    },
    setTracing({ isEnabled, sampleRate, exporter }) {
      const shares = sampler.shares.filter(({ name }) => exporter === null || name === exporter);
      if (shares.length === 0) return false;
      if (isEnabled !== null) sampler.isEnabled = isEnabled;
      if (sampleRate !== null) for (const share of shares) share.rate = sampleRate;
      return true;
    },
  };
}
