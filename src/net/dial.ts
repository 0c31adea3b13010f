// Connects to one address, within a time limit.
import { connect } from "node:net";
import type { Socket } from "node:net";
import type { Clock, Close } from "../core/clock.ts";
import { failure } from "../core/failure.ts";
import type { Failure } from "../core/failure.ts";
import { showAddress } from "../core/address.ts";
import type { Address } from "../core/address.ts";
import type { ClientTls } from "../core/tls/tls.ts";
import type { ConnectionStats } from "../core/transport.ts";
import { recordWhenClosed } from "./connection-stats.ts";
import { hasLastFile } from "../runtime/open-files.ts";
import { SocketLink } from "./socket-link.ts";
import { watchStalls } from "./stalls.ts";
import { connectTls, handshakeFailure } from "./tls/dial-tls.ts";
import type { TlsDialOptions } from "./tls/dial-tls.ts";
import { attachSecure } from "./tls/secure-link.ts";

export interface Dialled {
  /** The caller must set the link's receiver during this call. */
  opened(link: SocketLink): void;
  /** Safe to retry elsewhere: nothing was sent. */
  failed(why: Failure): void;
  /** Records the connection when it closes. */
  readonly closed: ConnectionStats;
}

export interface SocketDialOptions extends TlsDialOptions {
  /** Until the connection is usable. */
  readonly connectTimeoutMs: number;
  /** Absent: plain text. */
  readonly tls?: ClientTls | undefined;
}

/** Calls back exactly once, asynchronously. Closing the result cancels the dial. */
export function dial(
  address: HostAndPort,
  options: SocketDialOptions,
  clock: Clock,
  result: Dialled,
): Close {
  const link = new SocketLink();
  const { connectTimeoutMs, tls } = options;
  const start = tls === undefined ? plain : secure(tls);
  const settle = (settled: () => void) => {
    stopTimer();
    starting.socket.removeListener(starting.event, onConnect);
    link.receiver = noReceiver;
    settled();
  };
  const fail = (why: Failure) =>
    settle(() => {
      starting.socket.destroy();
      result.failed(why);
    });
  const hasReserve = () => {
    if (!hasLastFile(starting.socket)) return true;
    const shortage = Object.assign(new Error(), { code: "EMFILE" });
    fail(connectFailure(address, shortage));
    return false;
  };
  const onConnect = () => {
    // The socket of a host name has its descriptor later than in the first tick.
    if (!hasReserve()) return undefined;
    const why = starting.refusal();
    if (why !== null) return fail(why);
    return settle(() => {
      watchStalls(link, options.socket, clock);
      recordWhenClosed(starting.socket, result.closed, clock);
      result.opened(link);
    });
  };
  const starting = start(link, address, options);
  const stopTimer = clock.after(connectTimeoutMs, () => {
    const what = tls === undefined ? "accept a connection" : "complete a TLS handshake";
    const detail = `${showAddress(address)} did not ${what} within ${connectTimeoutMs} ms`;
    fail(failure("connect", detail, "safe"));
  });
  link.receiver = { ...noReceiver, closed: (error) => fail(starting.failure(error)) };
  starting.socket.once(starting.event, onConnect);
  // Runs right behind Node's own tick, which takes the descriptor: a burst of dials is counted while it
  // connects, and each dial beyond the reserve frees its descriptor before the next one begins.
  process.nextTick(hasReserve);
  return () => settle(() => starting.socket.destroy());
}

type HostAndPort = Pick<Address, "host" | "port">;

/** A connection that is not usable yet, attached to its link. */
interface Starting {
  readonly socket: Socket;
  /** Emitted by the socket when it can be used. */
  readonly event: "connect" | "secureConnect";
  /** Why it must not be used, asked at the event; null: it may. */
  refusal(): Failure | null;
  /** Why it closed before the event. */
  failure(error: Error | null): Failure;
}

type Start = (link: SocketLink, address: HostAndPort, options: SocketDialOptions) => Starting;

const plain: Start = (link, address, { socket: { noDelay, keepAlive } }) => {
  const { host, port } = address;
  const { onread } = link;
  const how = { host, port, allowHalfOpen: true, noDelay, keepAlive: keepAlive ?? false, onread };
  const socket = connect(how);
  link.attach(socket);
  return {
    socket,
    event: "connect",
    refusal: () => null,
    failure: (error) => connectFailure(address, error),
  };
};

function secure(tls: ClientTls): Start {
  return (link, address, options) => {
    const { socket, check } = connectTls(address, options, tls);
    attachSecure(link, socket);
    let isConnected = false;
    socket.once("connect", () => (isConnected = true));
    return {
      socket,
      event: "secureConnect",
      refusal: check,
      failure: (error) =>
        isConnected ? handshakeFailure(address, error, tls) : connectFailure(address, error),
    };
  };
}

const noReceiver = { received() {}, ended() {}, drained() {}, closed() {} };

/** Shortages of this process or host; they do not count against the endpoint. */
const ownShortages: Readonly<Record<string, string>> = {
  EMFILE: "this process has too many open files: raise its limit (ulimit -n)",
  ENFILE: "this host has too many open files",
  EADDRNOTAVAIL: "this host has no free port for the connection",
  ENOBUFS: "this host has no memory for the connection",
};

/** Why a socket closed before it was connected. */
export function connectFailure(address: HostAndPort, error: NodeJS.ErrnoException | null): Failure {
  const code = error?.code ?? "";
  const shortage = ownShortages[code];
  if (shortage !== undefined) {
    const detail = `cannot connect to ${showAddress(address)}: ${shortage}`;
    return { kind: "exhausted", retry: "safe", detail, retryAfterMs: 0 };
  }
  const detail =
    code === "ECONNREFUSED"
      ? `${showAddress(address)} refused the connection`
      : `cannot connect to ${showAddress(address)}: ${error?.message ?? "closed immediately"}`;
  return failure("connect", detail, "safe");
}
