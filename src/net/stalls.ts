// Peers that stop reading or writing, noticed by the counters of their sockets.
import type { Clock, Close } from "../core/clock.ts";
import type { SocketOptions } from "../core/transport.ts";
import { Alarm } from "./alarm.ts";
import type { SocketLink } from "./socket-link.ts";

/**
 * Destroys the link's socket when nothing was read for `readTimeoutMs`, or nothing of what was
 * written went out for `writeTimeoutMs`; up to a quarter of that late. No timer per read: the
 * counters are sampled. Costs nothing when both are infinite.
 */
export function watchStalls(link: SocketLink, options: SocketOptions, clock: Clock): void {
  const { socket } = link;
  const { readTimeoutMs, writeTimeoutMs } = options;
  const periodMs = Math.min(readTimeoutMs, writeTimeoutMs) / 4;
  if (periodMs === Infinity) return;
  let [readBytes, writtenBytes] = [0, 0];
  let [readMs, wroteMs] = [clock.nowMs(), clock.nowMs()];
  let stop: Close;
  const sample = () => {
    const nowMs = clock.nowMs();
    if (socket.bytesRead !== readBytes || socket.isPaused()) readMs = nowMs;
    if (sentBytes(link) !== writtenBytes || link.unsentBytes === 0) wroteMs = nowMs;
    readBytes = socket.bytesRead;
    writtenBytes = sentBytes(link);
    if (nowMs - readMs >= readTimeoutMs) return socket.destroy(timedOut("read", readTimeoutMs));
    if (nowMs - wroteMs >= writeTimeoutMs) return socket.destroy(timedOut("wrote", writeTimeoutMs));
    stop = clock.after(periodMs, sample);
    return undefined;
  };
  stop = clock.after(periodMs, sample);
  socket.once("close", () => stop());
}

/** Calls `stalled` when the socket has bytes to send and none went out for `timeoutMs`. */
export class WriteStallWatch {
  readonly #link: SocketLink;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #alarm: Alarm;
  #isWatching = false;
  #sentBytes = 0;

  constructor(link: SocketLink, clock: Clock, timeoutMs: number, stalled: () => void) {
    this.#link = link;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#alarm = new Alarm(clock, () => {
      this.#isWatching = false;
      if (link.hasRoom) return;
      if (sentBytes(link) === this.#sentBytes) stalled();
      else this.wrote();
    });
  }

  /** Bytes were written: from now on watches whether they go out. */
  wrote(): void {
    if (this.#isWatching || this.#link.hasRoom) return;
    this.#isWatching = true;
    this.#sentBytes = sentBytes(this.#link);
    this.#alarm.set(this.#clock.nowMs() + this.#timeoutMs);
  }

  close(): void {
    this.#alarm.close();
  }
}

/** Bytes that the kernel took: `bytesWritten` also counts those still queued in the process. */
function sentBytes(link: SocketLink): number {
  return link.socket.bytesWritten - link.unsentBytes;
}

function timedOut(what: string, limitMs: number): Error {
  return new Error(`${what} nothing for ${limitMs} ms`);
}
