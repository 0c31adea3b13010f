// A link over a TLS socket: what differs from plain sockets.
import type { TLSSocket } from "node:tls";
import type { SocketLink } from "../socket-link.ts";
import { brokenConnection } from "./problems.ts";

/** The handle of the TCP connection below a TLS socket. Not documented: may be missing. */
interface TcpHandle {
  readStart?(): number;
}

interface TlsHandle {
  readonly reading?: boolean;
  readonly _parent?: TcpHandle;
}

/** From libuv: the handle reads already. */
const alreadyReading = process.platform === "darwin" ? -37 : -114;

/**
 * Attaches a TLS socket. A peer that ends a connection says so (close_notify, RFC 8446 section 6.1);
 * without that, somebody in between may have cut it off, and what came is not all there was: the
 * socket is then destroyed with an error, and its receiver never sees a regular end.
 */
export function attachSecure(link: SocketLink, socket: TLSSocket): void {
  let wasCutOff = false;
  const push = socket.push.bind(socket);
  socket.push = (chunk: unknown, encoding?: BufferEncoding): boolean => {
    if (chunk === null) wasCutOff = isCutOff(socket);
    return push(chunk, encoding);
  };
  // Node reports what breaks TLS after the handshake, and leaves the connection open.
  socket.on("error", () => void socket.destroy());
  link.attachTls(socket, {
    whyCut: () => (wasCutOff ? new Error(cutOff) : null),
    explain: brokenConnection,
  });
}

const cutOff = "the connection was closed without TLS's close_notify: what came may be truncated";

/**
 * Node reports the peer's close_notify and the bare end of the TCP connection in the same way. They
 * differ below: after the latter the TCP handle has stopped reading by itself.
 */
function isCutOff(socket: TLSSocket): boolean {
  const { _handle: handle } = socket as unknown as { _handle?: TlsHandle | null };
  const tcp = handle?._parent;
  if (handle?.reading !== true || typeof tcp?.readStart !== "function") return false;
  return tcp.readStart() !== alreadyReading;
}
