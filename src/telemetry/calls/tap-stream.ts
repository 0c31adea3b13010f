// What one who listens at the tap gets: calls, and how many were left out, at the pace of the reader.
import { Readable } from "node:stream";
import type { CallRecord } from "../../core/calls/record.ts";
import type { Clock, Close } from "../../core/clock.ts";

/** What may wait for a slow reader; further calls are counted and left out. */
const maxBufferedBytes = 256 * 1024;
/** How often calls left out are reported. */
const reportMs = 1_000;
/** So that both sides notice when the other is gone. */
const heartbeatMs = 15_000;
/** A reader that takes nothing for so long is cut off. */
const stalledMs = 60_000;

/** Owns a timer until it has ended. */
export class TapStream {
  readonly readable: Readable;
  readonly #clock: Clock;
  readonly #isForBrowsers: boolean;
  #dropped = 0;
  /** The reader has taken what was written. */
  #hasRoom = true;
  #stalledSinceMs = 0;
  #quietMs = 0;
  #cancel: Close;

  constructor(clock: Clock, isForBrowsers: boolean) {
    this.#clock = clock;
    this.#isForBrowsers = isForBrowsers;
    this.readable = new Readable({
      highWaterMark: maxBufferedBytes,
      read: () => {
        this.#hasRoom = true;
      },
    });
    this.#cancel = clock.after(reportMs, () => this.#tick());
    this.#beat(); // the reader learns that it is connected
  }

  get hasRoom(): boolean {
    return this.#hasRoom;
  }

  call(record: CallRecord): void {
    const json = JSON.stringify({ ...record, kept: [] });
    this.#write(this.#isForBrowsers ? `event: call\ndata: ${json}\n\n` : `${json}\n`);
  }

  /** One call was left out. */
  dropped(): void {
    this.#dropped++;
  }

  end(): void {
    this.#cancel();
    if (!this.readable.destroyed && !this.readable.readableEnded) this.readable.push(null);
  }

  #tick(): void {
    this.#cancel = this.#clock.after(reportMs, () => this.#tick());
    if (!this.#hasRoom) {
      if (this.#clock.nowMs() - this.#stalledSinceMs >= stalledMs) this.readable.destroy();
      return;
    }
    this.#quietMs += reportMs;
    if (this.#dropped > 0) this.#report();
    else if (this.#quietMs >= heartbeatMs) this.#beat();
  }

  #report(): void {
    const json = JSON.stringify({ dropped: this.#dropped });
    this.#dropped = 0;
    this.#write(this.#isForBrowsers ? `event: dropped\ndata: ${json}\n\n` : `${json}\n`);
  }

  /** A comment, or an empty line. */
  #beat(): void {
    this.#write(this.#isForBrowsers ? ": still here\n\n" : "\n");
  }

  #write(text: string): void {
    if (this.readable.destroyed || this.readable.readableEnded) return;
    this.#quietMs = 0;
    this.#hasRoom = this.readable.push(text);
    if (!this.#hasRoom) this.#stalledSinceMs = this.#clock.nowMs();
  }
}
