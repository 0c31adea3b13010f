// Calls as they end, for those who listen at this moment. Without a listener nothing is done for a call.
import type { Readable } from "node:stream";
import { matchesEnded } from "../../core/calls/filter.ts";
import type { CallFilter } from "../../core/calls/filter.ts";
import type { CallHub, CallListener, CallView } from "../../core/calls/hub.ts";
import type { CallRecord } from "../../core/calls/record.ts";
import type { Clock, Close } from "../../core/clock.ts";
import { TokenBucket } from "../../core/pacing/token-bucket.ts";
import { TapStream } from "./tap-stream.ts";

/** Each costs memory, and every call some comparisons. */
const maxListeners = 16;

/** Of one process. */
export class Tap {
  readonly #hub: CallHub;
  readonly #clock: Clock;
  readonly #open = new Set<TapStream>();

  constructor(hub: CallHub, clock: Clock) {
    this.#hub = hub;
    this.#clock = clock;
  }

  /** At most `perSec` calls a second; null: too many listen already. Closing the stream ends it. */
  open(filter: CallFilter, perSec: number, isForBrowsers: boolean): Readable | null {
    if (this.#open.size >= maxListeners) return null;
    const stream = new TapStream(this.#clock, isForBrowsers);
    const rate = new TokenBucket({ perSec, burst: perSec });
    const stop = this.#hub.listen((router) => {
      const isOther = filter.router !== null && filter.router !== router;
      return isOther ? null : new Listener(filter, rate, stream);
    });
    this.#open.add(stream);
    stream.readable.once("close", () => this.#closed(stream, stop));
    return stream.readable;
  }

  /** Ends all of them. */
  close(): void {
    for (const stream of Array.from(this.#open)) stream.end();
  }

  #closed(stream: TapStream, stop: Close): void {
    stop();
    stream.end();
    this.#open.delete(stream);
  }
}

/** The calls of one router for one who listens. */
class Listener implements CallListener {
  readonly #filter: CallFilter;
  readonly #rate: TokenBucket;
  readonly #stream: TapStream;

  constructor(filter: CallFilter, rate: TokenBucket, stream: TapStream) {
    this.#filter = filter;
    this.#rate = rate;
    this.#stream = stream;
  }

  wants(call: CallView): boolean {
    if (!matchesEnded(this.#filter, call)) return false;
    const hasRoom = this.#stream.hasRoom && this.#rate.take(call.endedMs) === 0;
    if (!hasRoom) this.#stream.dropped();
    return hasRoom;
  }

  take(record: CallRecord): void {
    this.#stream.call(record);
  }
}
