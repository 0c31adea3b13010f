// Read and write timeouts of a socket, without a timer per read: its counters are looked at.
import type { Clock, Close } from "../core/clock.ts";
import type { SocketOptions } from "../core/transport.ts";
import type { SocketLink } from "./socket-link.ts";

/**
 * Destroys the link's socket when it read nothing for `readTimeoutMs`, or when something written did not go
 * out for `writeTimeoutMs`; at most a quarter of that late. Costs nothing when both are infinite.
 */
export function watchStalls(link: SocketLink, options: SocketOptions, clock: Clock): void {
  const { socket } = link;
  const { readTimeoutMs, writeTimeoutMs } = options;
  const periodMs = Math.min(readTimeoutMs, writeTimeoutMs) / 4;
  if (periodMs === Infinity) return;
  let [readBytes, writtenBytes] = [0, 0];
  let [readMs, wroteMs] = [clock.nowMs(), clock.nowMs()];
  let stop: Close;
  const look = () => {
    const nowMs = clock.nowMs();
    if (socket.bytesRead !== readBytes || socket.isPaused()) readMs = nowMs;
    if (sentBytes(link) !== writtenBytes || link.unsentBytes === 0) wroteMs = nowMs;
    readBytes = socket.bytesRead;
    writtenBytes = sentBytes(link);
    if (nowMs - readMs >= readTimeoutMs) return socket.destroy(timedOut("read", readTimeoutMs));
    if (nowMs - wroteMs >= writeTimeoutMs) return socket.destroy(timedOut("wrote", writeTimeoutMs));
    stop = clock.after(periodMs, look);
    return undefined;
  };
  stop = clock.after(periodMs, look);
  socket.once("close", () => stop());
}

/** What the kernel took: `bytesWritten` counts what waits in the process as well. */
function sentBytes(link: SocketLink): number {
  return link.socket.bytesWritten - link.unsentBytes;
}

function timedOut(what: string, limitMs: number): Error {
  return new Error(`${what} nothing for ${limitMs} ms`);
}
