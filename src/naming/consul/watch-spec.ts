// What a watch is told, and what it tells of itself.
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
  readonly lanes: QuerySlots;
  /** For people, such as `localhost:8500`. */
  readonly agent: string;
  readonly resyncIntervalMs: number;
  readonly backoff: BackoffRange;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Answers that were news, and answers that were none. */
  readonly counts: { readonly updates: Counter; readonly errors: Counter };
}

/** What is watched, and what its answers mean. */
export interface WatchSpec<T> {
  /** For people: `/dc1/web`. */
  readonly name: string;
  readonly question: Query;
  /** The value in an answer's body; a string says what is wrong with it. */
  read(body: unknown): { readonly value: T } | string;
  isSame(a: T, b: T): boolean;
  /** Of something that is not there. */
  readonly absent: T;
  /** Whether 404 means that it is not there; otherwise it is an error. */
  readonly mayBeMissing: boolean;
  /** False: its answers have no index; it is asked again with every resync only. */
  readonly isBlocking: boolean;
  /** What is said while nothing was ever known of it, and Consul does not answer. */
  unknown(problem: string): State<T>;
}

/** How a watch stands. Times are of the wall clock; null: never. */
export interface WatchReport {
  readonly isRunning: boolean;
  readonly mode: "blocking" | "polled" | "timed";
  readonly startedAtMs: number | null;
  readonly stoppedAtMs: number | null;
  readonly updatedAtMs: number | null;
  readonly askedAtMs: number | null;
  readonly answeredAtMs: number | null;
  readonly index: number | null;
  readonly problem: string | null;
  /** How long Consul has not answered; 0 while it does. */
  readonly staleMs: number;
  /** Consul says that it is gone, which is not believed yet. */
  readonly isInDoubt: boolean;
}
