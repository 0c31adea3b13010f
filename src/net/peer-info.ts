// The two ends of an accepted connection.
import type { Socket } from "node:net";
import type { PeerIdentity } from "../core/tls/tls.ts";
import { identityOf } from "./tls/peer-identity.ts";

/** Known per connection; addresses without the prefix that IPv6 listeners give IPv4 callers. */
export interface PeerInfo {
  readonly remoteHost: string;
  readonly remotePort: number;
  readonly localHost: string;
  readonly localPort: number;
  /** A caller on this host: it may see internal names. */
  readonly isLocal: boolean;
  /** By its certificate; null: it had to present none. */
  readonly identity: PeerIdentity | null;
}

/** Value of the router's key `errorDetail`: all callers, those on the proxy's own host, no callers. */
export type ErrorDetail = "full" | "local" | "none";

/** Whether this caller may see internal names: addresses, dtabs, how a name was resolved. */
export function seesInternals(errorDetail: ErrorDetail, peer: PeerInfo): boolean {
  return errorDetail === "full" || (errorDetail === "local" && peer.isLocal);
}

export function peerInfo(socket: Socket): PeerInfo {
  const remoteHost = plain(socket.remoteAddress ?? "");
  const localHost = plain(socket.localAddress ?? "");
  return {
    remoteHost,
    remotePort: socket.remotePort ?? 0,
    localHost,
    localPort: socket.localPort ?? 0,
    isLocal: remoteHost === localHost || remoteHost === "::1" || remoteHost.startsWith("127."),
    identity: identityOf(socket),
  };
}

/** The connection has become secure after it began. */
export function identify(peer: PeerInfo, socket: Socket): void {
  (peer as { identity: PeerIdentity | null }).identity = identityOf(socket);
}

function plain(host: string): string {
  return host.startsWith("::ffff:") ? host.slice(7) : host;
}
