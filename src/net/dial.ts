// Connects to one address, within a time.
import { connect } from "node:net";
import type { Clock, Close } from "../core/clock.ts";
import { failure } from "../core/failure.ts";
import type { Failure } from "../core/failure.ts";
import { showAddress } from "../core/address.ts";
import type { Address } from "../core/address.ts";
import type { ConnectionStats, SocketOptions } from "../core/transport.ts";
import { recordWhenClosed } from "./connection-stats.ts";
import { SocketLink } from "./socket-link.ts";
import { watchStalls } from "./stalls.ts";

export interface Dialled {
  /** The link's receiver is the caller's to set, during this call. */
  opened(link: SocketLink): void;
  /** Safe to try again elsewhere: nothing was sent. */
  failed(why: Failure): void;
  /** Where the connection is recorded when it closes. */
  readonly closed: ConnectionStats;
}

/** Calls back once, later. The result gives up, and then nobody is called. */
export function dial(
  address: Pick<Address, "host" | "port">,
  options: { readonly connectTimeoutMs: number; readonly socket: SocketOptions },
  clock: Clock,
  result: Dialled,
): Close {
  const link = new SocketLink();
  const socket = connect({
    host: address.host,
    port: address.port,
    allowHalfOpen: true,
    noDelay: options.socket.noDelay,
    keepAlive: options.socket.keepAlive ?? false,
    onread: link.onread,
  });
  const settle = (settled: () => void) => {
    stopTimer();
    socket.removeListener("connect", onConnect);
    link.receiver = nobody;
    settled();
  };
  const fail = (why: Failure) =>
    settle(() => {
      socket.destroy();
      result.failed(why);
    });
  const onConnect = () =>
    settle(() => {
      watchStalls(link, options.socket, clock);
      recordWhenClosed(socket, result.closed, clock);
      result.opened(link);
    });
  const stopTimer = clock.after(options.connectTimeoutMs, () => {
    const detail = `${showAddress(address)} did not accept a connection within ${options.connectTimeoutMs} ms`;
    fail(failure("connect", detail, "safe"));
  });
  link.receiver = { ...nobody, closed: (error) => fail(connectFailure(address, error)) };
  link.attach(socket);
  socket.once("connect", onConnect);
  return () => settle(() => socket.destroy());
}

const nobody = { received() {}, ended() {}, drained() {}, closed() {} };

/** What this process has run out of; the endpoint has no part in it. */
const ownShortages: Readonly<Record<string, string>> = {
  EMFILE: "this process has too many open files: raise its limit (ulimit -n)",
  ENFILE: "this host has too many open files",
  EADDRNOTAVAIL: "this host has no free port for the connection",
  ENOBUFS: "this host has no memory for the connection",
};

/** Why a socket closed before it was connected. */
export function connectFailure(
  address: Pick<Address, "host" | "port">,
  error: NodeJS.ErrnoException | null,
): Failure {
  const code = error?.code ?? "";
  const shortage = ownShortages[code];
  if (shortage !== undefined) {
    return failure("exhausted", `cannot connect to ${showAddress(address)}: ${shortage}`, "safe");
  }
  const detail =
    code === "ECONNREFUSED"
      ? `${showAddress(address)} refused the connection`
      : `cannot connect to ${showAddress(address)}: ${error?.message ?? "closed at once"}`;
  return failure("connect", detail, "safe");
}
