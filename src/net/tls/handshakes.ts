// The handshakes of one server: bounded in number and time, each ending in a secure socket or a counted failure.
import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { createSecureContext, createServer } from "node:tls";
import type { SecureContext, Server, TLSSocket, TlsOptions } from "node:tls";
import type { Clock, Close } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import type { ServerTls } from "../../core/tls/tls.ts";
import { replyTo } from "../wrong-port/replies.ts";
import { protocolOf } from "../wrong-port/watch.ts";
import { callerProblem } from "./problems.ts";

export interface HandshakeOptions {
  readonly host: string;
  readonly port: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly tls: ServerTls;
  /** What callers may speak (ALPN); empty: it is not negotiated. */
  readonly applicationProtocols: readonly string[];
}

/** Keys of session tickets live this long; a ticket that is older costs a full handshake. */
const ticketKeyMs = 12 * 60 * 60 * 1000;
const ticketKeyBytes = 48;

/** At most one line about failed handshakes in so long. */
const logIntervalMs = 10_000;

/** First byte of a handshake record (RFC 8446 section 5.1). */
const handshakeRecord = 22;

const plainText =
  "the caller speaks plain text, and this port speaks TLS: use https, or client.tls";

interface Pending {
  readonly raw: Socket;
  readonly secured: (socket: TLSSocket) => void;
  readonly stop: Close;
}

/** Owns the sockets it was given until they are secure, then whoever `secured` gives them to. */
export class Handshakes {
  readonly #options: HandshakeOptions;
  readonly #secured: (socket: TLSSocket) => void;
  readonly #engine: Server;
  /** By the two ends of the connection, oldest first. */
  readonly #pending = new Map<string, Pending>();
  readonly #unwatch: Close;
  #stopTickets: Close = () => {};
  #ticketKeys: Buffer = randomBytes(ticketKeyBytes);
  #byName: ReadonlyMap<string, SecureContext> = new Map();
  #loggedMs = -Infinity;
  #unlogged = 0;

  constructor(options: HandshakeOptions, secured: (socket: TLSSocket) => void) {
    const { tls, applicationProtocols } = options;
    const { requireClientAuth, certificates } = tls.config;
    this.#options = options;
    this.#secured = secured;
    this.#engine = createServer({
      requestCert: requireClientAuth,
      rejectUnauthorized: requireClientAuth,
      ...(applicationProtocols.length === 0 ? {} : { ALPNProtocols: [...applicationProtocols] }),
      ...(certificates.length === 1 ? {} : { SNICallback: this.#select }),
    });
    this.#engine.on("secureConnection", (socket) => this.#succeeded(socket));
    this.#engine.on("tlsClientError", (error, socket) => this.#broke(error, socket));
    this.#renew();
    this.#unwatch = tls.watch(() => this.#renew());
    this.#rotateLater();
  }

  /** `secured`: who gets this one, if not the usual one. */
  begin(raw: Socket, secured = this.#secured): void {
    const { clock, tls } = this.#options;
    const { handshakeTimeoutMs, maxHandshakes } = tls.config;
    if (this.#pending.size >= maxHandshakes) this.#abandonOldest(maxHandshakes);
    const key = keyOf(raw);
    const late = () => {
      this.#failed(raw, `did not finish its handshake within ${handshakeTimeoutMs} ms`);
      raw.destroy();
    };
    this.#pending.set(key, { raw, secured, stop: clock.after(handshakeTimeoutMs, late) });
    raw.on("error", () => {});
    raw.once("close", () => void this.#forget(key));
    const ended = () => void raw.destroy(); // it said nothing: a health check, most likely
    raw.once("end", ended);
    // The first byte shows whether the caller speaks TLS. Until it comes, no memory is spent on TLS.
    raw.once("data", (first: Buffer) => {
      if (first[0] !== handshakeRecord) return this.#refusePlainText(raw, first);
      raw.removeListener("end", ended);
      raw.pause();
      raw.unshift(first);
      this.#engine.emit("connection", raw);
      return undefined;
    });
  }

  close(): void {
    this.#unwatch();
    this.#stopTickets();
    for (const { raw } of Array.from(this.#pending.values())) raw.destroy();
  }

  #succeeded(socket: TLSSocket): void {
    const { stats } = this.#options.tls;
    const pending = this.#pending.get(keyOf(socket));
    if (pending === undefined) return void socket.destroy();
    this.#forget(keyOf(socket));
    socket.disableRenegotiation();
    socket.allowHalfOpen = true; // from here on the caller may end its side and wait
    stats.handshakes.value += 1;
    stats.connections += 1;
    socket.once("close", () => (stats.connections -= 1));
    return pending.secured(socket);
  }

  #broke(error: Error, socket: TLSSocket): void {
    const { authorizationError } = socket as { authorizationError?: Error | string | null };
    this.#failed(socket, callerProblem(error, authorizationError ?? null));
    socket.destroy();
  }

  /** Stays among the pending ones until it has closed: bounded in number and time as well. */
  #refusePlainText(raw: Socket, first: Buffer): void {
    this.#failed(raw, "speaks plain text to a port that speaks TLS");
    const protocol = protocolOf(first, first.length);
    const reply = protocol === null ? null : replyTo(protocol, first, plainText);
    raw.resume();
    if (reply === null) raw.end();
    else raw.end(reply);
  }

  #abandonOldest(maxHandshakes: number): void {
    for (const [key, { raw }] of this.#pending) {
      this.#failed(raw, `made room: ${maxHandshakes} handshakes were in progress (maxHandshakes)`);
      this.#forget(key);
      raw.destroy();
      return;
    }
  }

  /** False: it was not pending any more. */
  #forget(key: string): boolean {
    this.#pending.get(key)?.stop();
    return this.#pending.delete(key);
  }

  #failed(socket: Socket, problem: string): void {
    const { clock, log, host, port, tls } = this.#options;
    tls.stats.failures.value += 1;
    const nowMs = clock.nowMs();
    if (nowMs - this.#loggedMs < logIntervalMs) return void this.#unlogged++;
    const caller = callerOf(socket);
    const further = this.#unlogged === 0 ? {} : { notLogged: this.#unlogged };
    log.warn({ event: "TLS handshake failed", host, port, caller, problem, ...further });
    this.#loggedMs = nowMs;
    this.#unlogged = 0;
    return undefined;
  }

  readonly #select: NonNullable<TlsOptions["SNICallback"]> = (name, found) => {
    found(null, this.#contextFor(name));
  };

  #contextFor(name: string): SecureContext | undefined {
    const asked = name.toLowerCase();
    const dot = asked.indexOf(".");
    return this.#byName.get(asked) ?? this.#byName.get(`*${asked.slice(dot)}`);
  }

  #renew(): void {
    const ticketKeys = this.#ticketKeys;
    const certificates = this.#options.tls.certificates();
    const [first] = certificates;
    if (first === undefined) throw new Error("bug: a server without a certificate");
    this.#engine.setSecureContext({ ...first.options, ticketKeys });
    if (certificates.length === 1) return;
    const byName = new Map<string, SecureContext>();
    for (const { names, options } of certificates) {
      const context = createSecureContext({ ...options, ticketKeys });
      for (const name of names) if (!byName.has(name)) byName.set(name, context);
    }
    this.#byName = byName;
  }

  #rotateLater(): void {
    this.#stopTickets = this.#options.clock.after(ticketKeyMs, () => {
      this.#ticketKeys = randomBytes(ticketKeyBytes);
      this.#renew();
      this.#rotateLater();
    });
  }
}

/** A TLS socket that has closed has forgotten the address; the socket below it has not. */
function callerOf(socket: Socket): string {
  const { _parent: below } = socket as { _parent?: Socket };
  return socket.remoteAddress ?? below?.remoteAddress ?? "unknown";
}

function keyOf({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`;
}
