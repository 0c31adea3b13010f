// Who is at the other end of a connection.
import type { Socket } from "node:net";

export interface Peer {
  readonly host: string;
  readonly port: number;
  /** On the proxy's own host: may see internal names. */
  readonly isLocal: boolean;
}

export function peerOf(socket: Socket): Peer {
  const host = plain(socket.remoteAddress ?? "");
  const isLocal = host === plain(socket.localAddress ?? "") || host === "::1";
  return { host, port: socket.remotePort ?? 0, isLocal: isLocal || host.startsWith("127.") };
}

/** An IPv4 address that came in through an IPv6 listener. */
function plain(host: string): string {
  return host.startsWith("::ffff:") ? host.slice(7) : host;
}

export function showPeer({ host, port }: Pick<Peer, "host" | "port">): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
