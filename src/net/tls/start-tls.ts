// TLS towards an endpoint on a connection that began in plain text.
import type { Address } from "../../core/address.ts";
import type { Failure } from "../../core/failure.ts";
import type { ClientTls } from "../../core/tls/tls.ts";
import type { SocketLink } from "../socket-link.ts";
import { connectTls, handshakeFailure } from "./dial-tls.ts";
import type { TlsDialOptions } from "./dial-tls.ts";
import { attachSecure } from "./secure-link.ts";

export interface Secured {
  /** The link has the secure socket, whose certificate is good. */
  secured(): void;
  /** Safe to retry elsewhere: nothing of a call was sent. The socket is closed. */
  failed(why: Failure): void;
}

/** Calls back once at most: not when the link's socket is destroyed meanwhile by its owner. */
export function startTls(
  link: SocketLink,
  address: Address,
  options: TlsDialOptions,
  tls: ClientTls,
  result: Secured,
): void {
  const raw = link.detach();
  const { socket, check } = connectTls(address, options, tls, raw);
  let problem: Error | null = null;
  const failed = (why: Failure) => {
    socket.destroy();
    result.failed(why);
  };
  const closed = () => failed(handshakeFailure(address, problem, tls));
  socket.on("error", (error) => (problem = error));
  socket.once("close", closed);
  socket.once("secureConnect", () => {
    socket.removeListener("close", closed);
    const why = check();
    if (why !== null) return failed(why);
    attachSecure(link, socket);
    return result.secured();
  });
}
