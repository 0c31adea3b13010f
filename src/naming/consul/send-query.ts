// Sends one query of a watch: one that Consul answers immediately, or one that waits for a change.
import type { Close } from "../../core/clock.ts";
import type { Outcome, Query } from "./api.ts";
import type { WatchDeps } from "./watch-spec.ts";

/** The longest wait of a blocking query; a dead server is noticed a little later. */
const maxWaitMs = 60_000;
/** Allowed beyond the wait and what Consul adds to it (a sixteenth). */
const lateMs = 5_000;
/** Time limit of a query that does not block. */
const quickTimeoutMs = 10_000;

/** In its turn among those to the same agent. */
export function sendQuick(
  { client, slots }: Pick<WatchDeps, "client" | "slots">,
  query: Query,
  done: (outcome: Outcome) => void,
): Close {
  let cancel: Close = () => {};
  const release = slots.quick(query.datacenter ?? "", () => {
    cancel = client.query(query, null, quickTimeoutMs, (outcome) => {
      release();
      done(outcome);
    });
  });
  return () => {
    cancel();
    release();
  };
}

/** Waits for a change since `index`, at most until the next resync is due. */
export function sendBlocking(
  { client }: Pick<WatchDeps, "client">,
  query: Query,
  { index, untilResyncMs }: { readonly index: number; readonly untilResyncMs: number },
  done: (outcome: Outcome) => void,
): Close {
  const waitMs = Math.min(maxWaitMs, Math.max(1_000, untilResyncMs));
  return client.query(query, { index, waitMs }, waitMs + waitMs / 16 + lateMs, done);
}
