// Notices a peer that takes nothing of what was written to it.
import type { Socket } from "node:net";
import type { Clock } from "../../src/core/clock.ts";
import { Alarm } from "../../src/net/alarm.ts";

/** Calls `stalled` when the socket wants to write and nothing went out for `timeoutMs`. */
export class StallWatch {
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #alarm: Alarm;
  #isWatching = false;
  #takenBytes = 0;

  constructor(socket: Socket, clock: Clock, timeoutMs: number, stalled: () => void) {
    this.#socket = socket;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#alarm = new Alarm(clock, () => {
      this.#isWatching = false;
      if (!socket.writableNeedDrain) return;
      if (this.#taken === this.#takenBytes) stalled();
      else this.wrote();
    });
  }

  /** Something was written: watches whether it goes out. */
  wrote(): void {
    if (this.#isWatching || !this.#socket.writableNeedDrain) return;
    this.#isWatching = true;
    this.#takenBytes = this.#taken;
    this.#alarm.set(this.#clock.nowMs() + this.#timeoutMs);
  }

  close(): void {
    this.#alarm.close();
  }

  /** `bytesWritten` counts what waits in the process as well. */
  get #taken(): number {
    return this.#socket.bytesWritten - this.#socket.writableLength;
  }
}
