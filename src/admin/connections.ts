// Bounds the connections of the admin server, which take files that calls need.
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/**
 * For each connection beyond `max`, the one that has been without a request for the longest is closed;
 * if all have one in progress, the new one.
 */
export function boundConnections(server: Server, max: number): void {
  /** The oldest first. By peer, since with TLS a request's socket is not the one that was accepted. */
  const idle = new Map<string, Socket>();
  const busy = new Set<string>();
  const forgetWhenClosed = (socket: Socket) => {
    const peer = peerOf(socket);
    socket.once("close", () => {
      idle.delete(peer);
      busy.delete(peer);
    });
  };
  server.on("connection", (socket: Socket) => {
    const peer = peerOf(socket);
    forgetWhenClosed(socket);
    idle.set(peer, socket);
    if (idle.size + busy.size <= max) return;
    for (const [oldest, its] of idle) {
      idle.delete(oldest);
      its.destroy();
      return;
    }
  });
  server.on("secureConnection", forgetWhenClosed);
  server.on("request", ({ socket }: IncomingMessage, response: ServerResponse) => {
    const peer = peerOf(socket);
    idle.delete(peer);
    busy.add(peer);
    response.once("close", () => {
      if (busy.delete(peer) && !socket.destroyed) idle.set(peer, socket);
    });
  });
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress}|${remotePort}`;
}
