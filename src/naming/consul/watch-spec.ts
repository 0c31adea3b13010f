// What a watch needs, and how it reports on itself.
import type { Clock, Random } from "../../core/clock.ts";
import type { State } from "../../core/live.ts";
import type { Log } from "../../core/log.ts";
import type { BackoffRange } from "../../core/pacing/backoff.ts";
import type { Counter } from "../../core/stats.ts";
import type { Client, Query } from "./api.ts";
import type { QuerySlots } from "./query-slots.ts";

/** What the watches of one namer or interpreter share. */
export interface WatchDeps {
  readonly client: Client;
  readonly slots: QuerySlots;
  /** For people, such as `localhost:8500`. */
  readonly agent: string;
  readonly resyncIntervalMs: number;
  readonly backoff: BackoffRange;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Responses that changed the value, and failures. */
  readonly counts: { readonly updates: Counter; readonly errors: Counter };
}

/** What is watched, and what the responses mean. */
export interface WatchSpec<T> {
  /** For people: `/dc1/web`. */
  readonly name: string;
  readonly query: Query;
  /** The value in a response with this index; a string says what is wrong with the response. */
  read(body: unknown, index: number | null): { readonly value: T } | string;
  isSame(a: T, b: T): boolean;
  /** The value of something that does not exist. */
  readonly absent: T;
  /** Whether 404 means that it does not exist; otherwise 404 is an error. */
  readonly mayBeMissing: boolean;
  /** false: responses carry no index, and the query is repeated with every resync only. */
  readonly isBlocking: boolean;
  /** The state while nothing was ever known, and Consul's first response takes its time. */
  late(problem: string): State<T>;
  /** The state while nothing was ever known, and Consul cannot be queried. */
  unknown(problem: string): State<T>;
}

/** How a watch stands. Times are of the wall clock; null: never. */
export interface WatchReport {
  readonly isRunning: boolean;
  readonly mode: "blocking" | "polled" | "timed";
  readonly startedAtMs: number | null;
  readonly stoppedAtMs: number | null;
  readonly updatedAtMs: number | null;
  readonly queriedAtMs: number | null;
  readonly respondedAtMs: number | null;
  readonly index: number | null;
  readonly problem: string | null;
  /** For how long Consul has not responded; 0 while it does. */
  readonly staleMs: number;
  /** Consul reports it as gone, which is not trusted yet. */
  readonly isInDoubt: boolean;
}
