// Time limits that are all equally long: whoever began first ends first, so one timer serves them all.
import type { Clock, Close } from "../core/clock.ts";

/** Something with a time limit. The list writes the first two fields. */
export interface QueuedDeadline {
  previous: QueuedDeadline | null;
  next: QueuedDeadline | null;
  /** On the clock's scale: the limit after the moment at which it was added. */
  readonly dueMs: number;
  /** Its time is up; it is not in the list any more. */
  fire(): void;
}

/** Owns a timer while somebody waits. Beginning and ending a limit are a few pointers, no object. */
export class DeadlineQueue {
  readonly #clock: Clock;
  readonly #limitMs: number;
  #first: QueuedDeadline | null = null;
  #last: QueuedDeadline | null = null;
  #stop: Close | null = null;
  /** Those who end may begin others: the timer is set when all have ended. */
  #isRinging = false;

  constructor(clock: Clock, limitMs: number) {
    this.#clock = clock;
    this.#limitMs = limitMs;
  }

  add(one: QueuedDeadline): void {
    one.previous = this.#last;
    if (this.#last === null) this.#first = one;
    else this.#last.next = one;
    this.#last = one;
    if (!this.#isRinging) this.#stop ??= this.#clock.after(this.#limitMs, () => this.#ring());
  }

  /** Does nothing when it is not in the list. */
  remove(one: QueuedDeadline): void {
    const { previous, next } = one;
    if (previous === null && this.#first !== one) return;
    if (previous === null) this.#first = next;
    else previous.next = next;
    if (next === null) this.#last = previous;
    else next.previous = previous;
    one.previous = one.next = null;
    if (this.#first !== null || this.#isRinging) return;
    this.#stop?.();
    this.#stop = null;
  }

  #ring(): void {
    const nowMs = this.#clock.nowMs();
    this.#isRinging = true;
    for (let one = this.#first; one !== null && one.dueMs <= nowMs; one = this.#first) {
      this.remove(one);
      one.fire();
    }
    this.#isRinging = false;
    const dueMs = this.#first?.dueMs ?? null;
    this.#stop = dueMs === null ? null : this.#clock.after(dueMs - nowMs, () => this.#ring());
  }
}
