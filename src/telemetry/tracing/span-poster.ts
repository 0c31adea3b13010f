// An exporter that posts spans to a collector. Loaded only where one is configured.
import type { CallRecord } from "../../core/calls/record.ts";
import type { CheckedClientTls } from "../../core/tls/schema.ts";
import type { Telemeter, TelemeterDeps } from "../telemeter.ts";
import { exportCalls } from "./exporter.ts";
import { Outbox } from "./outbox.ts";
import { poster } from "./post.ts";

export interface SpanPosterOptions {
  readonly kind: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly isCompressed: boolean;
  readonly tls: Partial<CheckedClientTls> | null;
  readonly sampleRate: number;
  readonly intervalMs: number;
  /** The keys to look at when nothing arrives. */
  readonly advice: string;
  encode(calls: readonly CallRecord[]): string;
}

const timeoutMs = 10_000;

/** Posts the spans of recorded calls. */
export function spanPoster(options: SpanPosterOptions, deps: TelemeterDeps): Telemeter {
  const { kind, url, headers, isCompressed, tls, sampleRate, intervalMs, advice, encode } = options;
  const connection = deps.connectionTo(url, tls);
  const { post, close } = poster({ url, headers, isCompressed, timeoutMs, connection });
  const outbox = new Outbox<CallRecord>(
    {
      to: url,
      advice,
      intervalMs,
      sizeOf: (call) => 1 + call.attempts.length,
      send: (batch) => post(encode(batch)),
    },
    deps,
  );
  const stop = exportCalls(kind, sampleRate, deps, {
    hasRoom: () => outbox.hasRoom(),
    take: (call) => outbox.put(call),
  });
  return {
    pages: [],
    spans: () => ({ to: url, ...outbox.state }),
    close: async () => {
      stop();
      await outbox.close();
      close();
    },
  };
}
