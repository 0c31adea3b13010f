// The client side: a wire to one endpoint, over one session that all calls share.
import { noteWait } from "../../../src/core/calls/waits.ts";
import type { Close } from "../../../src/core/clock.ts";
import { failure } from "../../../src/core/failure.ts";
import type { Failure } from "../../../src/core/failure.ts";
import type { Address } from "../../../src/core/address.ts";
import type { Wire } from "../../../src/core/transport.ts";
import type { Pending, Reply } from "../../../src/core/service.ts";
import { dial } from "../../../src/net/dial.ts";
import { showAddress } from "../../../src/core/address.ts";
import type { MuxRequest, MuxResponse } from "../message.ts";
import { ClientCall } from "./call.ts";
import type { CallHolder } from "./call.ts";
import type { ClientSettings, MuxDialDeps, MuxDialOptions } from "./settings.ts";
import { maxShortLength } from "../codec/messages.ts";
import { ClientConnection } from "./connection.ts";
import type { ConnectionOwner } from "./connection.ts";

export type MuxWire = Wire<MuxRequest, MuxResponse>;

/** Owns its sessions; dials when first used. May reply before `service` returns. */
export function dialMux(address: Address, options: MuxDialOptions, deps: MuxDialDeps): MuxWire {
  const wire = new RunningWire(address, { ...deps, options, name: showAddress(address) });
  return {
    service: (request, reply) => wire.send(request, reply),
    get status() {
      return wire.status;
    },
    get connections() {
      return wire.connections;
    },
    close: (graceMs) => wire.close(graceMs),
  };
}

/**
 * One session accepts calls; older ones, which the endpoint drains, finish theirs. Calls wait while a
 * session is being opened.
 */
class RunningWire implements CallHolder, ConnectionOwner {
  readonly #address: Address;
  readonly #settings: ClientSettings;
  /** The session that accepts calls. */
  #session: ClientConnection | null = null;
  readonly #sessions = new Set<ClientConnection>();
  readonly #waiting = new Set<ClientCall>();
  /** The session that is being opened: "dialling" until it is connected, then in its handshake. */
  #opening: ClientConnection | "dialling" | null = null;
  #cancelDial: Close | null = null;
  #stopGrace: Close | null = null;
  #dialledMs = 0;
  #isClosed = false;

  constructor(address: Address, settings: ClientSettings) {
    this.#address = address;
    this.#settings = settings;
  }

  get status(): "open" | "busy" | "closed" {
    if (this.#isClosed) return "closed";
    if (this.#session !== null) return this.#session.refusal === null ? "open" : "busy";
    return this.#waiting.size >= this.#settings.options.maxOutstanding ? "busy" : "open";
  }

  /** Sessions, those that are being drained included, but not one in its handshake. */
  get connections(): number {
    const isOpening = this.#opening !== null && this.#opening !== "dialling";
    return this.#sessions.size - (isOpening ? 1 : 0);
  }

  send(request: MuxRequest, reply: Reply<MuxResponse>): Pending {
    const { name } = this.#settings;
    const call = new ClientCall(request, reply, name, this);
    const unsayable = encodingProblem(request);
    const session = this.#session;
    if (unsayable !== null) call.finish(unsayable);
    else if (session === null) this.#wait(call);
    else {
      const { refusal } = session;
      if (refusal === null) session.send(call);
      else call.finish(refusal);
    }
    return call;
  }

  close(graceMs: number): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#session = null;
    if (this.#cancelDial !== null) {
      this.#settings.stats.cancelledConnects.value += 1;
      this.#cancelDial();
      this.#cancelDial = null;
    }
    this.#failWaiting(this.#closedFailure());
    if (graceMs <= 0) return this.#closeSessions();
    for (const session of Array.from(this.#sessions)) session.drain();
    if (this.#sessions.size > 0) {
      this.#stopGrace = this.#settings.clock.after(graceMs, () => this.#closeSessions());
    }
    return undefined;
  }

  // CallHolder, for waiting calls

  detach(call: ClientCall): void {
    const { stats, clock } = this.#settings;
    if (this.#waiting.delete(call)) {
      stats.waiters -= 1;
      noteWait(call.request, "connectMs", clock.nowMs() - call.waitsSinceMs);
    }
    call.stopWaiting();
  }

  // ConnectionOwner

  opened(session: ClientConnection): void {
    const { stats, clock } = this.#settings;
    this.#opening = null;
    stats.connectLatencyMs.record(Math.round(clock.nowMs() - this.#dialledMs));
    this.#session = session;
    for (const call of Array.from(this.#waiting)) this.#admit(session, call);
  }

  drains(session: ClientConnection): void {
    if (this.#session === session) this.#session = null;
  }

  closed(session: ClientConnection, why: Failure): void {
    const { stats } = this.#settings;
    stats.connections -= 1;
    stats.closes.value += 1;
    this.#sessions.delete(session);
    if (this.#session === session) this.#session = null;
    else if (this.#opening === session) this.#openingFailed({ ...why, retry: "safe" });
    if (this.#sessions.size === 0) this.#stopGrace?.();
  }

  #wait(call: ClientCall): void {
    const { options, name, stats, clock } = this.#settings;
    if (this.#isClosed) return call.finish(this.#closedFailure());
    // As many as the session will accept together.
    if (this.#waiting.size >= options.maxOutstanding) {
      const detail = `no session with ${name} is open yet, and ${options.maxOutstanding} calls wait for it already (maxOutstanding)`;
      return call.finish(failure("exhausted", detail, "safe"));
    }
    this.#waiting.add(call);
    stats.waiters += 1;
    call.waitsSinceMs = clock.nowMs();
    call.stopWaiting = clock.after(options.maxWaitMs, () => {
      this.detach(call);
      const detail = `no session with ${name} was open within ${options.maxWaitMs} ms`;
      call.finish(failure("exhausted", detail, "safe"));
    });
    if (this.#opening === null) this.#dial();
    return undefined;
  }

  #admit(session: ClientConnection, call: ClientCall): void {
    this.detach(call);
    const refusal = this.#session === session ? session.refusal : this.#closedFailure();
    if (refusal === null) session.send(call);
    else call.finish(refusal);
  }

  #dial(): void {
    const { options, clock, stats } = this.#settings;
    this.#opening = "dialling";
    this.#dialledMs = clock.nowMs();
    // Opportunistic: the session starts TLS itself.
    const dialling = options.tlsLevel === "off" ? options : { ...options, tls: undefined };
    this.#cancelDial = dial(this.#address, dialling, clock, {
      opened: (link) => {
        this.#cancelDial = null;
        stats.connects.value += 1;
        stats.connections += 1;
        this.#opening = new ClientConnection(link, this.#address, this.#settings, this);
        this.#sessions.add(this.#opening);
      },
      failed: (why) => {
        this.#cancelDial = null;
        this.#openingFailed(why);
      },
      closed: stats.closed,
    });
  }

  /** Waiting calls fail: another endpoint may serve them, a second dial to this one hardly would. */
  #openingFailed(why: Failure): void {
    const { stats, clock } = this.#settings;
    this.#opening = null;
    stats.failedConnectLatencyMs.record(Math.round(clock.nowMs() - this.#dialledMs));
    this.#failWaiting(why);
  }

  #failWaiting(why: Failure): void {
    for (const call of Array.from(this.#waiting)) {
      this.detach(call);
      call.finish(why);
    }
  }

  #closeSessions(): void {
    for (const session of Array.from(this.#sessions)) session.close();
  }

  #closedFailure(): Failure {
    const detail = `the connection to ${this.#settings.name} is being closed`;
    return failure("exhausted", detail, "safe");
  }
}

/**
 * Why a call cannot be encoded in mux, which is the caller's fault alone; null: it can. Escapes and
 * dtabs can make a residual longer than any destination that was received.
 */
function encodingProblem({ bound }: MuxRequest): Failure | null {
  if (bound === null || bound.residual.length <= maxShortLength) return null;
  const what = `the residual path has ${bound.residual.length} characters`;
  // A kind of failure that does not count against an endpoint.
  return failure("exhausted", `${what}, more than mux can encode`);
}
