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
