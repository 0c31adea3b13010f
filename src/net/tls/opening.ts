// Makes links of the sockets that a TLS server accepts; loaded with the first such server.
import type { TLSSocket } from "node:tls";
import type { ServerTls } from "../../core/tls/tls.ts";
import type { AcceptOptions, Opening } from "../accept.ts";
import { SocketLink } from "../socket-link.ts";
import { Handshakes } from "./handshakes.ts";
import { attachSecure } from "./secure-link.ts";

export function tlsOpening(
  options: AcceptOptions,
  tls: ServerTls,
  begin: (link: SocketLink) => void,
): Opening {
  const handshakes = handshakesOf(options, tls, (socket) => {
    const link = new SocketLink();
    attachSecure(link, socket);
    begin(link);
  });
  return {
    open(accepted) {
      handshakes.begin(accepted);
      return accepted;
    },
    close: () => handshakes.close(),
  };
}

/** Connections begin in plain text; their protocol may start TLS later. */
export function opportunisticOpening(
  options: AcceptOptions,
  tls: ServerTls,
  begin: (link: SocketLink) => void,
): Opening {
  const handshakes = handshakesOf(options, tls, (socket) => void socket.destroy());
  return {
    open(accepted) {
      const link = new SocketLink();
      link.attachPlain(accepted);
      link.startTls = (secured) => {
        handshakes.begin(link.detach(), (socket) => {
          attachSecure(link, socket);
          secured();
        });
      };
      begin(link);
      return accepted;
    },
    close: () => handshakes.close(),
  };
}

function handshakesOf(
  { host, port, clock, log, applicationProtocols = [] }: AcceptOptions,
  tls: ServerTls,
  secured: (socket: TLSSocket) => void,
): Handshakes {
  return new Handshakes({ host, port, clock, log, tls, applicationProtocols }, secured);
}
