// Makes links of the sockets that a TLS server accepts; loaded with the first such server.
import type { ServerTls } from "../../core/tls/tls.ts";
import type { AcceptOptions, Opening } from "../accept.ts";
import { SocketLink } from "../socket-link.ts";
import { Handshakes } from "./handshakes.ts";
import { attachSecure } from "./secure-link.ts";

export function tlsOpening(
  { host, port, clock, log, applicationProtocols = [] }: AcceptOptions,
  tls: ServerTls,
  begin: (link: SocketLink) => void,
): Opening {
  const parts = { host, port, clock, log, tls, applicationProtocols };
  const handshakes = new Handshakes(parts, (socket) => {
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
