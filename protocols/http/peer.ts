// Who is at the other end of a connection.
import type { Socket } from "node:net";
import type { Random } from "../../src/core/clock.ts";
import type { Peer } from "./message.ts";

const letters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/** RFC 7239 section 6.3: a name for this connection that tells nothing. */
function tokenOf(random: Random): string {
  let token = "_";
  for (let i = 0; i < 6; i++) token += letters[Math.floor(random() * letters.length)] ?? "0";
  return token;
}

export function peerOf(socket: Socket, random: Random): Peer {
  const remoteHost = plain(socket.remoteAddress ?? "");
  const localHost = plain(socket.localAddress ?? "");
  return {
    remoteHost,
    remotePort: socket.remotePort ?? 0,
    localHost,
    localPort: socket.localPort ?? 0,
    isLocal: remoteHost === localHost || remoteHost === "::1" || remoteHost.startsWith("127."),
    token: tokenOf(random),
  };
}

/** An IPv4 address that came in through an IPv6 listener. */
function plain(host: string): string {
  return host.startsWith("::ffff:") ? host.slice(7) : host;
}
