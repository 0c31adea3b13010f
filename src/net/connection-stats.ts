// Metrics of connections that need no look at calls: how long they were open, and the bytes that the
// kernel counted.
import type { Socket } from "node:net";
import type { Clock } from "../core/clock.ts";
import type { ConnectionStats } from "../core/transport.ts";
import type { Stats } from "../core/stats.ts";

/** Records an open connection when it closes. */
export function recordWhenClosed(socket: Socket, stats: ConnectionStats, clock: Clock): void {
  const openedMs = clock.nowMs();
  socket.once("close", () => {
    stats.durationMs.record(Math.round(clock.nowMs() - openedMs));
    stats.receivedBytes.record(socket.bytesRead);
    stats.sentBytes.record(socket.bytesWritten);
  });
}

/** For a server: call the result with each socket; its connections are recorded below `scope`. */
export function closedConnections(scope: Stats, clock: Clock): (socket: Socket) => void {
  const stats: ConnectionStats = {
    durationMs: scope.histogram("connection_duration"),
    receivedBytes: scope.histogram("connection_received_bytes"),
    sentBytes: scope.histogram("connection_sent_bytes"),
  };
  return (socket) => recordWhenClosed(socket, stats, clock);
}

/** The same, plus `received_bytes` and `sent_bytes` of all, summed when metrics are read. */
export function allConnections(scope: Stats, clock: Clock): (socket: Socket) => void {
  const record = closedConnections(scope, clock);
  const open = new Set<Socket>();
  let [receivedBytes, sentBytes] = [0, 0];
  scope.tally(() => {
    let sum = receivedBytes;
    for (const { bytesRead } of open) sum += bytesRead;
    return sum;
  }, "received_bytes");
  scope.tally(() => {
    let sum = sentBytes;
    for (const { bytesWritten } of open) sum += bytesWritten;
    return sum;
  }, "sent_bytes");
  return (socket) => {
    record(socket);
    open.add(socket);
    socket.once("close", () => {
      open.delete(socket);
      receivedBytes += socket.bytesRead;
      sentBytes += socket.bytesWritten;
    });
  };
}
