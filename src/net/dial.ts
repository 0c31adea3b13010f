// Connects to one address, within a time limit.
import { connect } from "node:net";
import type { Clock, Close } from "../core/clock.ts";
import { failure } from "../core/failure.ts";
import type { Failure } from "../core/failure.ts";
import { showAddress } from "../core/address.ts";
import type { Address } from "../core/address.ts";
import type { ConnectionStats, SocketOptions } from "../core/transport.ts";
import { recordWhenClosed } from "./connection-stats.ts";
import { filesLeft, lastFiles } from "../runtime/open-files.ts";
import { SocketLink } from "./socket-link.ts";
import { watchStalls } from "./stalls.ts";

export interface Dialled {
  /** The caller must set the link's receiver during this call. */
  opened(link: SocketLink): void;
  /** Safe to retry elsewhere: nothing was sent. */
  failed(why: Failure): void;
  /** Records the connection when it closes. */
  readonly closed: ConnectionStats;
}

/** Calls back exactly once, asynchronously. Closing the result cancels the dial. */
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
    link.receiver = noReceiver;
    settled();
  };
  const fail = (why: Failure) =>
    settle(() => {
      socket.destroy();
      result.failed(why);
    });
  const onConnect = () => {
    const { fd } =
      (socket as unknown as { readonly _handle?: { readonly fd?: unknown } })._handle ?? {};
    if (typeof fd === "number" && filesLeft(fd) < lastFiles) {
      const shortage = Object.assign(new Error(), { code: "EMFILE" });
      return fail(connectFailure(address, shortage));
    }
    return settle(() => {
      watchStalls(link, options.socket, clock);
      recordWhenClosed(socket, result.closed, clock);
      result.opened(link);
    });
  };
  const stopTimer = clock.after(options.connectTimeoutMs, () => {
    const detail = `${showAddress(address)} did not accept a connection within ${options.connectTimeoutMs} ms`;
    fail(failure("connect", detail, "safe"));
  });
  link.receiver = { ...noReceiver, closed: (error) => fail(connectFailure(address, error)) };
  link.attach(socket);
  socket.once("connect", onConnect);
  return () => settle(() => socket.destroy());
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
      : `cannot connect to ${showAddress(address)}: ${error?.message ?? "closed immediately"}`;
  return failure("connect", detail, "safe");
}
