// TLS towards an endpoint: the handshake, and whether its certificate is the right one.
import { isIP } from "node:net";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Address } from "../../core/address.ts";
import { showAddress } from "../../core/address.ts";
import { failure } from "../../core/failure.ts";
import type { Failure } from "../../core/failure.ts";
import type { ClientTls } from "../../core/tls/tls.ts";
import type { SocketOptions } from "../../core/transport.ts";
import { nodeTls } from "./load-tls.ts";
import { endpointProblem, handshakeProblem } from "./problems.ts";

type HostAndPort = Pick<Address, "host" | "port">;

export interface TlsDialOptions {
  readonly socket: SocketOptions;
  /** Absent: ALPN is not negotiated. */
  readonly applicationProtocols?: readonly string[];
}

/** A connection whose handshake has begun. */
export interface SecureDial {
  readonly socket: TLSSocket;
  /** Asked at `secureConnect`: why the certificate is not good. Safe to retry elsewhere; null: it is. */
  check(): Failure | null;
}

/** Begins to connect, or to secure what is connected `over` a socket; emits `secureConnect`. */
export function connectTls(
  { host, port }: HostAndPort,
  { socket: options, applicationProtocols }: TlsDialOptions,
  tls: ClientTls,
  over: Socket | null = null,
): SecureDial {
  const address = `${host} ${port}`;
  const session = tls.sessionOf(address);
  const { commonName } = tls;
  const how = {
    ...(over === null ? { host, port } : { socket: over }),
    allowHalfOpen: true,
    secureContext: tls.context(),
    ...(commonName === null || !isSendable(commonName) ? {} : { servername: commonName }),
    ...(session === null ? {} : { session: Buffer.from(session) }),
    ...(applicationProtocols === undefined ? {} : { ALPNProtocols: [...applicationProtocols] }),
    // Checked by us, whose failure says what was wrong with which certificate.
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
  };
  const socket = nodeTls().connect(how);
  socket.setNoDelay(options.noDelay);
  if (options.keepAlive === true) socket.setKeepAlive(true);
  socket.disableRenegotiation();
  let isGood = false;
  let notAfterMs: number | null = null;
  let latest: Buffer | null = null;
  const keep = () => {
    if (isGood && latest !== null) tls.keepSession(address, latest, notAfterMs);
  };
  socket.on("session", (next: Buffer) => {
    latest = next;
    keep();
  });
  return {
    socket,
    check() {
      const leaf = socket.getPeerX509Certificate(); // the second time Node would give another one
      const problem = endpointProblem(socket, leaf, tls);
      if (problem !== null) return failed({ host, port }, tls, problem);
      isGood = true;
      if (leaf !== undefined && !socket.isSessionReused()) notAfterMs = Date.parse(leaf.validTo);
      keep();
      return null;
    },
  };
}

/** SNI carries names of hosts only: neither IP addresses nor URIs (RFC 6066 section 3). */
function isSendable(name: string): boolean {
  return isIP(name) === 0 && /^[\w.-]+$/.test(name);
}

/** Why the socket closed before it was secure. */
export function handshakeFailure(
  address: HostAndPort,
  error: NodeJS.ErrnoException | null,
  tls: ClientTls,
): Failure {
  return failed(address, tls, handshakeProblem(error));
}

function failed(address: HostAndPort, { setting, commonName }: ClientTls, why: string): Failure {
  const wanted = commonName === null ? "" : `, commonName ${commonName}`;
  const detail = `no TLS connection to ${showAddress(address)}: ${why} (${setting}${wanted})`;
  return failure("connect", detail, "safe");
}
