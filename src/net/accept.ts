// A listener: accepts connections and hands each over as a SocketLink.
import { createServer, Socket } from "node:net";
import type { ListenOptions as NodeListenOptions, Server, SocketConstructorOpts } from "node:net";
import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import type { ServerTls } from "../core/tls/tls.ts";
import type { ConnectionGate, SocketOptions } from "../core/transport.ts";
import { SocketLink } from "./socket-link.ts";
import { endSoon } from "./lingering-close.ts";
import {
  filesLeft,
  hasLastFile,
  openFilesLimit,
  reservedFiles,
  scarcity,
} from "../runtime/open-files.ts";
import { closeLongestIdle, openCallers } from "./connections.ts";
import { PausedSockets, watchStalls } from "./stalls.ts";

export interface AcceptOptions {
  readonly host: string;
  readonly port: number;
  readonly socket: SocketOptions;
  readonly clock: Clock;
  readonly log: Log;
  /** null: every connection is accepted. */
  readonly gate: ConnectionGate | null;
  /** Called with each accepted connection, before `onLink`. */
  readonly onSocket?: (socket: Socket) => void;
  /** Written to a caller that finds no descriptor left, before its connection is closed; not with TLS. */
  readonly refusal?: string;
  /** Absent: plain text. */
  readonly tls?: ServerTls | undefined;
  /** With TLS: connections begin in plain text, and their protocol starts TLS. */
  readonly isOpportunistic?: boolean;
  /** With TLS: what callers may speak (ALPN). Absent: it is not negotiated. */
  readonly applicationProtocols?: readonly string[];
  /** false: plain sockets with one buffer per read, as if handles could not be taken over. */
  readonly takesOverHandles?: boolean;
}

/** Owns the listening socket; each link is owned by whoever `onLink` gives it to. */
export interface Acceptor {
  readonly host: string;
  readonly port: number;
  /**
   * Stops accepting, once the connections that the kernel has established already are handed over: it
   * resets those that wait when the socket closes. Resolves when that is done, within milliseconds.
   * Open links are not affected. Idempotent.
   */
  close(): Promise<void>;
}

const [nodeMajor = 0, nodeMinor = 0] = process.versions.node.split(".").map(Number);
const reusePortIsSupported = nodeMajor > 23 || (nodeMajor === 23 && nodeMinor >= 1);

/** Rejects, with a text for people, when it cannot listen on the address. */
export async function accept(
  options: AcceptOptions,
  onLink: (link: SocketLink) => void,
): Promise<Acceptor> {
  const { socket, host, port, tls } = options;
  if (socket.reusePort && !reusePortIsSupported) {
    const why = `reusePort needs Node 23.1 or newer, this is ${process.version}: remove it or upgrade`;
    throw new Error(`cannot listen on ${host}:${port}: ${why}`);
  }
  const pausedSockets = new PausedSockets(options.clock);
  const begin = (link: SocketLink) => {
    watchStalls(link, socket, options.clock);
    pausedSockets.watch(link.socket);
    options.onSocket?.(link.socket);
    onLink(link);
  };
  const takesOver = tls === undefined && (options.takesOverHandles ?? true);
  const opening =
    tls === undefined ? plainOpening(begin, takesOver) : await secureOpening(options, tls, begin);
  const server = createServer({
    // A handshake cannot continue after a FIN.
    allowHalfOpen: tls === undefined || options.isOpportunistic === true,
    noDelay: socket.noDelay,
    keepAlive: socket.keepAlive ?? false,
    pauseOnConnect: takesOver,
  });
  const { gate } = options;
  const exhaustion = descriptorExhaustion(options);
  const arrivals = { count: 0 };
  server.on("connection", (accepted) => {
    arrivals.count++;
    const isScarce = exhaustion.accepted((accepted as unknown as { _handle?: unknown })._handle);
    if (!hasRoom(isScarce, options.clock)) return refuseSocket(accepted, options);
    if (gate !== null && !gate.opened()) return void accepted.destroy();
    const opened = opening.open(accepted);
    if (gate !== null) opened.once("close", () => gate.closed());
    return undefined;
  });
  return listening(server, options, exhaustion, arrivals, opening);
}

async function secureOpening(
  options: AcceptOptions,
  tls: ServerTls,
  begin: (link: SocketLink) => void,
): Promise<Opening> {
  const { opportunisticOpening, tlsOpening } = await import("./tls/opening.ts");
  return (options.isOpportunistic === true ? opportunisticOpening : tlsOpening)(
    options,
    tls,
    begin,
  );
}

/** What makes links of accepted sockets. */
export interface Opening {
  /** Gives the socket whose `close` is the end of the connection. */
  open(accepted: Socket): Socket;
  /** No more sockets come. */
  close(): void;
}

function plainOpening(begin: (link: SocketLink) => void, takesOver: boolean): Opening {
  return {
    open(accepted) {
      const link = linkOf(accepted, takesOver);
      begin(link);
      return link.socket;
    },
    close() {},
  };
}

/**
 * The number of a descriptor says that few are left only until one with a low number is free again. So
 * callers may be as many as when that was last seen, for a while.
 */
const callerLimit = { count: Infinity, untilMs: 0 };
const callerLimitMs = 10_000;

/** The last descriptors are not for callers: another one has to leave. */
function hasRoom(isScarce: boolean, clock: Clock): boolean {
  if (!isScarce && callerLimit.count === Infinity) return true;
  const nowMs = clock.nowMs();
  if (isScarce) {
    callerLimit.count = openCallers();
    callerLimit.untilMs = nowMs + callerLimitMs;
  } else if (nowMs > callerLimit.untilMs) callerLimit.count = Infinity;
  if (openCallers() < callerLimit.count) return true;
  if (!closeLongestIdle(clock.nowMs())) return false;
  scarcity.closedIdle++;
  return true;
}

/** How long a refused caller may take to read why. */
const refusalFlushMs = 500;

function refuseSocket(accepted: Socket, { refusal, clock, tls }: AcceptOptions): void {
  scarcity.refused++;
  if (refusal === undefined || tls !== undefined) return void accepted.destroy();
  accepted.on("error", () => {});
  if (hasLastFile(accepted)) return endSoon(accepted, refusal);
  const stop = clock.after(refusalFlushMs, () => accepted.destroy());
  accepted.once("close", stop);
  accepted.end(refusal, "latin1");
  accepted.resume();
}

function listening(
  server: Server,
  options: AcceptOptions,
  exhaustion: ExhaustionWatch,
  arrivals: Arrivals,
  opening: Opening,
): Promise<Acceptor> {
  const { host, port, socket } = options;
  // `reusePort` is younger than the types of the oldest Node that we support.
  const how: NodeListenOptions & { reusePort?: boolean } = { host, port };
  if (socket.backlog !== null) how.backlog = socket.backlog;
  if (socket.reusePort) how.reusePort = true;
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      opening.close();
      reject(refused(error, host, port));
    });
    server.listen(how, () => {
      const bound = server.address();
      if (bound === null || typeof bound === "string") throw new Error("bug: no TCP address");
      server.removeAllListeners("error").on("error", exhaustion.failed);
      let closing: Promise<void> | null = null;
      const close = () =>
        (closing ??= closeWhenQuiet(server, arrivals, options.clock).then(() => opening.close()));
      resolve({ host: bound.address, port: bound.port, close });
    });
  });
}

interface Arrivals {
  /** Connections accepted so far. */
  readonly count: number;
}

/** Ticks of the event loop within which a busy server must have closed. */
const maxLastTicks = 1_000;

/** A tick this short has accepted what had arrived: next to nothing can have come since. */
const shortTickMs = 0.25;

/**
 * A tick accepts one connection at most, and what arrives while it runs waits in the kernel. So the
 * socket closes at the end of a tick that accepted nothing and was short.
 */
function closeWhenQuiet(server: Server, arrivals: Arrivals, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    let ticks = 0;
    let count = -1;
    let lookedMs = -Infinity;
    const look = (): void => {
      const nowMs = clock.nowMs();
      const isQuiet = arrivals.count === count && nowMs - lookedMs <= shortTickMs;
      // The first tick may have begun before its connections arrived.
      if (ticks > 1 && (isQuiet || ticks > maxLastTicks)) {
        server.close();
        return resolve();
      }
      ticks++;
      ({ count } = arrivals);
      lookedMs = nowMs;
      setImmediate(look);
      return undefined;
    };
    look();
  });
}

/** At most one warning per spell; a spell ends when nothing failed for this long. */
const warnIntervalMs = 10_000;

interface ExhaustionWatch {
  /** Accepting a connection failed. */
  failed(error: Error): void;
  /** A connection was accepted; `handle.fd` is its file descriptor. True: few are left. */
  accepted(handle: unknown): boolean;
}

/**
 * Warns once per spell that callers are turned away. Without descriptors left, libuv accepts and
 * closes connections silently: the number of the last descriptor reveals it.
 */
export function descriptorExhaustion({
  host,
  port,
  clock,
  log,
}: Pick<AcceptOptions, WarningParts>): ExhaustionWatch {
  let lastMs = -Infinity;
  const warn = (problem: string) => {
    const nowMs = clock.nowMs();
    const isNewSpell = nowMs - lastMs >= warnIntervalMs;
    lastMs = nowMs;
    const advice = "raise the limit of open files (ulimit -n), or set limits.maxConnections";
    if (isNewSpell) log.warn({ event: "cannot accept connections", host, port, problem, advice });
  };
  return {
    failed: ({ message }) => warn(message),
    accepted(handle) {
      const { fd } = (handle ?? {}) as { fd?: unknown };
      if (typeof fd !== "number" || filesLeft(fd) >= reservedFiles) return false;
      warn(
        `of the ${openFilesLimit} files that the process may open ${filesLeft(fd)} are left: callers ` +
          "that are idle are disconnected, and when none is, new ones are refused",
      );
      return true;
    },
  };
}

type WarningParts = "host" | "port" | "clock" | "log";

function refused(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const what = `cannot listen on ${host}:${port}`;
  if (error.code === "EADDRINUSE") return new Error(`${what}: another process has this port`);
  if (error.code === "EACCES") return new Error(`${what}: not permitted; use a port above 1023`);
  if (error.code === "EADDRNOTAVAIL") return new Error(`${what}: this host has no such address`);
  return new Error(`${what}: ${error.message}`);
}

/**
 * `net.Server` cannot make its sockets read into our own buffer, so the handle of an accepted socket
 * that has not read yet moves to a socket that can. The handle is not a documented property: where
 * it is missing, the accepted socket is used as it is.
 */
function linkOf(accepted: Socket, takesOver: boolean): SocketLink {
  const link = new SocketLink();
  const holder = accepted as unknown as { _handle?: unknown };
  const handle = holder._handle;
  if (takesOver && handle !== null && typeof handle === "object") {
    holder._handle = null;
    const { onread } = link;
    const options = { handle, allowHalfOpen: true, onread } as SocketConstructorOpts;
    link.attach(new Socket(options));
  } else {
    link.attachPlain(accepted);
  }
  return link;
}
