// Whether a caller's connection takes another request after its response, and how long it waits for it.
import type { Clock } from "../../../src/core/clock.ts";
import type { IncomingBody } from "../codec/incoming-body.ts";
import type { HttpLimits } from "../codec/limits.ts";
import type { ConnectionTimer } from "./timer.ts";

/** Owned by the connection, whose timer it sets. */
export class KeepAlive {
  /** No request after this one is read: the connection closes behind the response. Final once true. */
  isLast = false;
  /** The first request has no response yet. */
  isUnused = true;
  /** Since when the connection has waited for a request, in `Clock.nowMs` time. */
  idleSinceMs: number;
  /** The server is closing: the next response says that it is the last. */
  #isDraining = false;
  readonly #clock: Clock;
  readonly #limits: HttpLimits;
  readonly #timer: ConnectionTimer;

  constructor(clock: Clock, limits: HttpLimits, timer: ConnectionTimer) {
    this.#clock = clock;
    this.#limits = limits;
    this.#timer = timer;
    this.idleSinceMs = clock.nowMs();
  }

  drain(): void {
    this.#isDraining = true;
  }

  /** `body`: the request's, while more of it is to come. */
  decideLast(body: IncomingBody | null, awaitsContinue: boolean): boolean {
    if (body !== null) {
      const isTooMuch = (body.remainingBytes ?? 0) > this.#limits.maxDrainBytes;
      this.isLast ||= isTooMuch || awaitsContinue;
    }
    this.isLast ||= this.#isDraining || this.#timer.isPastLife;
    return this.isLast;
  }

  /** A response has been written, and the next request may come. */
  awaitNext(): void {
    this.isUnused = false;
    this.idleSinceMs = this.#clock.nowMs();
    this.awaitRequest();
  }

  /** Restarts the time limit of an idle connection. */
  awaitRequest(): void {
    if (this.#isDraining) this.#timer.awaitLastRequest();
    else this.#timer.awaitRequest();
  }
}
