// Peers that stop reading or writing, or that reset a connection which is not being read.
import type { Socket } from "node:net";
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

/** How often paused sockets are looked at. */
const sampleIntervalMs = 500;

/**
 * Destroys paused sockets that their peer has reset. The kernel knows of the reset, but libuv reports
 * nothing of a socket that is not read: its call would run on until the body flows again. Runs no timer while no socket is paused.
 */
export class PausedSockets {
  readonly #clock: Clock;
  readonly #paused = new Set<Socket>();
  #stop: Close | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  watch(socket: Socket): void {
    socket.on("pause", () => this.#add(socket));
    socket.on("resume", () => this.#paused.delete(socket));
    socket.once("close", () => this.#remove(socket));
  }

  #add(socket: Socket): void {
    this.#paused.add(socket);
    this.#stop ??= this.#clock.after(sampleIntervalMs, () => this.#look());
  }

  #remove(socket: Socket): void {
    this.#paused.delete(socket);
    if (this.#paused.size > 0) return;
    this.#stop?.();
    this.#stop = null;
  }

  #look(): void {
    this.#stop = null;
    for (const socket of Array.from(this.#paused)) if (isReset(socket)) socket.destroy();
    if (this.#paused.size === 0) return;
    this.#stop = this.#clock.after(sampleIntervalMs, () => this.#look());
  }
}

/**
 * A connection that was reset has no peer any more. The handle is not a documented property: where it
 * is missing, the reset is noticed when the socket is read again.
 */
function isReset(socket: Socket): boolean {
  const { _handle: handle } = socket as unknown as { readonly _handle?: Handle | null };
  return typeof handle?.getpeername === "function" && handle.getpeername({}) < 0;
}

interface Handle {
  /** Zero, or a negative error number. */
  getpeername?(peer: object): number;
}
