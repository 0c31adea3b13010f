// An upgraded connection: the caller's link and the endpoint's, joined.
import type { SocketLink } from "../../../src/net/socket-link.ts";
import { openTunnel } from "../../../src/net/tunnel.ts";
import type { Tunnel } from "../message.ts";
import type { ServerSettings } from "./settings.ts";

/** Called once, when either side has ended; the bytes that went each way. */
export type WhenOver = (fromCaller: number, fromEndpoint: number) => void;

/** Takes over both links. What the endpoint sent behind its 101 goes first. */
export function joinTunnel(
  callerLink: SocketLink,
  tunnel: Tunnel,
  { clock, limits }: ServerSettings,
  over: WhenOver,
): void {
  const { link, head } = tunnel.take();
  if (head.length > 0) callerLink.socket.write(head);
  const pipe = openTunnel(callerLink, link, {
    clock,
    idleTimeMs: limits.tunnelIdleTimeMs,
    closed: () => over(pipe.bytesFromA, pipe.bytesFromB + head.length),
  });
}
