// How long to wait before a failed query is repeated, as the key `backoff` says it.
import type { BackoffConfig, BackoffRange } from "../../core/pacing/backoff.ts";

/** Linkerd's default was to retry without any wait, for as long as Consul was away. */
export function backoffRange({
  backoff: configured,
}: {
  readonly backoff?: BackoffConfig | undefined;
}): BackoffRange {
  if (configured === undefined) return { minMs: 10, maxMs: 5_000 };
  const { minMs, maxMs } =
    configured.kind === "constant" ? { minMs: configured.ms, maxMs: configured.ms } : configured;
  return { minMs: Math.max(10, minMs), maxMs: Math.max(10, maxMs) };
}
