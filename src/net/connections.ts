// The open connections of one listener: drained and closed together.
import type { Clock } from "../core/clock.ts";
import { failure } from "../core/failure.ts";
import type { Failure } from "../core/failure.ts";

/** A caller's connection, as its listener sees it. */
export interface Drainable {
  /** Closes as soon as no call can be lost by it; until then calls may still come. */
  drain(): void;
  /** Fails all calls in progress with `why` now; destroyed when idle. */
  abort(why: Failure): void;
  destroy(): void;
  /** Idle, it closes within two turns of the event loop, with a word to its caller; absent: it is destroyed. */
  makeRoom?(): void;
  /** Since when it has had no call, in `Clock.nowMs` time; Infinity while it has one. */
  readonly idleSinceMs: number;
}

/** How long an idle connection that is draining waits for a call, after which it can close safely. */
export const nextCallWaitMs = 1_000;

/** How long callers may take to read that their calls were aborted. */
const abortFlushMs = 500;

/** Owns nothing: connections report their own beginning and end. */
export class Connections {
  readonly #clock: Clock;
  readonly #open = new Set<Drainable>();
  #whenEmpty: (() => void)[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
    all.add(this);
  }

  /** Iterates over the open ones. */
  [Symbol.iterator](): Iterator<Drainable> {
    return this.#open.values();
  }

  get size(): number {
    return this.#open.size;
  }

  has(connection: Drainable): boolean {
    return this.#open.has(connection);
  }

  opened(connection: Drainable): void {
    this.#open.add(connection);
  }

  /** False: reported before. */
  closed(connection: Drainable): boolean {
    if (!this.#open.delete(connection)) return false;
    if (this.#open.size > 0) return true;
    for (const notify of this.#whenEmpty.splice(0)) notify();
    return true;
  }

  /** Resolves when all are closed; those still open after `graceMs` are aborted. */
  async close(graceMs: number): Promise<void> {
    for (const connection of Array.from(this.#open)) connection.drain();
    if (graceMs > 0) await this.#emptyWithin(graceMs);
    const why = failure(
      "cancelled",
      "the proxy is shutting down and its grace for calls in progress is over",
    );
    for (const connection of Array.from(this.#open)) connection.abort(why);
    await this.#emptyWithin(abortFlushMs);
    for (const connection of Array.from(this.#open)) connection.destroy();
    await this.#emptyWithin(Infinity);
    all.delete(this);
  }

  #emptyWithin(limitMs: number): Promise<void> {
    if (this.#open.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const stop = limitMs === Infinity ? () => {} : this.#clock.after(limitMs, resolve);
      this.#whenEmpty.push(() => {
        stop();
        resolve();
      });
    });
  }
}

/**
 * Closes a listener, then its connections within `graceMs`. In this order: callers that read
 * `Connection: close` connect again, and the kernel resets those that wait in a socket that closes.
 */
export async function closeListener(
  acceptor: { close(): Promise<void> },
  connections: Connections,
  graceMs: number,
): Promise<void> {
  await acceptor.close();
  await connections.close(graceMs);
}

/** Of all listeners of this process. */
const all = new Set<Connections>();

/** Connections of callers, on all listeners of this process. */
export function openCallers(): number {
  let count = 0;
  for (const { size } of all) count += size;
  return count;
}

interface Candidate {
  readonly connection: Drainable;
  readonly of: Connections;
  readonly sinceMs: number;
}

/** Found at the last search, the longest idle last; some may have become busy, or closed, since. */
let candidates: Candidate[] = [];
/** The last search found no idle connection, at this time. */
let noneIdleMs = -Infinity;

/** A search looks at every connection: not for each caller that knocks while all are busy. */
const searchIntervalMs = 50;

/** Closes the caller's connection that has been idle the longest, on any listener. False: none is idle. */
export function closeLongestIdle(nowMs: number): boolean {
  for (;;) {
    const next = candidates.pop();
    if (next === undefined) {
      if (nowMs - noneIdleMs < searchIntervalMs) return false;
      candidates = idleConnections();
      if (candidates.length > 0) continue;
      noneIdleMs = nowMs;
      return false;
    }
    if (next.of.has(next.connection) && next.connection.idleSinceMs === next.sinceMs) {
      if (next.connection.makeRoom === undefined) next.connection.destroy();
      else next.connection.makeRoom();
      return true;
    }
  }
}

function idleConnections(): Candidate[] {
  const found: Candidate[] = [];
  for (const of of all) {
    for (const connection of of) {
      const sinceMs = connection.idleSinceMs;
      if (sinceMs !== Infinity) found.push({ connection, of, sinceMs });
    }
  }
  return found.sort((a, b) => b.sinceMs - a.sinceMs);
}
