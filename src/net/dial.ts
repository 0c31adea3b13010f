// Connects to one address, within a time.
import { connect } from "node:net";
import type { Clock, Close } from "../core/clock.ts";
import { failure } from "../core/failure.ts";
import type { Failure } from "../core/failure.ts";
import type { Address, SocketOptions } from "../core/protocol.ts";
import { Link } from "./link.ts";
import { watchStalls } from "./stalls.ts";

export interface Dialled {
  /** The link's receiver is the caller's to set, during this call. */
  opened(link: Link): void;
  /** Safe to try again elsewhere: nothing was sent. */
  failed(why: Failure): void;
}

/** Calls back once, later. The result gives up, and then nobody is called. */
export function dial(
  address: Pick<Address, "host" | "port">,
  options: { readonly connectTimeoutMs: number; readonly socket: SocketOptions },
  clock: Clock,
  result: Dialled,
): Close {
  const link = new Link();
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
  const fail = (detail: string) =>
    settle(() => {
      socket.destroy();
      result.failed(failure("connect", detail, "safe"));
    });
  const onConnect = () =>
    settle(() => {
      watchStalls(socket, options.socket, clock);
      result.opened(link);
    });
  const stopTimer = clock.after(options.connectTimeoutMs, () =>
    fail(`${shown(address)} did not accept a connection within ${options.connectTimeoutMs} ms`),
  );
  link.receiver = { ...nobody, closed: (error) => fail(refusedBy(address, error)) };
  link.attach(socket);
  socket.once("connect", onConnect);
  return () => settle(() => socket.destroy());
}

const nobody = { received() {}, ended() {}, drained() {}, closed() {} };

function shown(address: Pick<Address, "host" | "port">): string {
  const { host, port } = address;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function refusedBy(address: Pick<Address, "host" | "port">, error: Error | null): string {
  const code = error !== null && "code" in error ? error.code : null;
  if (code === "ECONNREFUSED") return `${shown(address)} refused the connection`;
  return `cannot connect to ${shown(address)}: ${error?.message ?? "closed at once"}`;
}
