// The life of the process: starting, running, draining on a signal or an uncaught error, ended.
import type { EventEmitter } from "node:events";
import type { Clock, Close } from "../core/clock.ts";
import type { Log, LogEvent } from "../core/log.ts";

/** What it needs of `process`. */
export interface SupervisedProcess extends Pick<EventEmitter, "on" | "off"> {
  exitCode?: number | string | null | undefined;
  exit(code: number): void;
}

export interface LifecycleDeps {
  readonly process: SupervisedProcess;
  readonly clock: Clock;
  readonly log: Log;
  /** Logs what ends the process. */
  readonly fatal: (event: LogEvent) => void;
  /** Writes what the log still holds. */
  readonly flush: () => Promise<void>;
  /** How long calls in flight may take to end: `admin.shutdownGraceMs`. */
  readonly graceMs: number;
}

/** Closes one part; calls in flight have `graceMs` to end. May be called before it was in use. */
export type ClosePart = (graceMs: number) => Promise<void> | void;

type State = // starting -> running -> draining; starting -> draining; draining is final
  | { readonly name: "starting" }
  | { readonly name: "running" }
  | { readonly name: "draining"; readonly why: string; readonly sinceMs: number };

/** What parts may take beyond the grace, all together, to notice that it is over. */
const overtimeMs = 1_000;
/** What the log may take to be written when the process ends. */
const flushMs = 500;
/** Ctrl-C in a terminal reaches the process twice when npm or a parent passes it on as well. */
const sameSignalMs = 100;
/** An error that comes back while draining is logged so often, then the process ends. */
const errorsWhileDraining = 10;
const endingSignals = { SIGINT: 2, SIGTERM: 15 } as const;
/**
 * Signals that would end the process and all its calls immediately, or open Node's debugger on port 9229
 * (SIGUSR1). They change nothing: a listener is enough for that.
 */
const ignoredSignals = ["SIGHUP", "SIGUSR1", "SIGUSR2"] as const;

/**
 * Takes over the process's signals and uncaught errors from the moment it is made. Owns no part:
 * it calls what `add` was given. After SIGTERM or SIGINT the process exits with 0, after an
 * uncaught error with 1, after a second signal immediately with 128 and the signal's number.
 */
export class Lifecycle {
  readonly #deps: LifecycleDeps;
  readonly #parts: { readonly name: string; readonly close: ClosePart }[] = [];
  readonly #release: Close;
  #state: State = { name: "starting" };
  #isEnding = false;
  #exitCode = 0;
  #errors = 0;

  constructor(deps: LifecycleDeps) {
    this.#deps = deps;
    this.#release = this.#listen();
  }

  /**
   * The part that was added last is closed first, and the next when it is done: so what is opened
   * in the order admin, telemeters, routers closes in the order routers, telemeters, admin.
   */
  add(name: string, close: ClosePart): void {
    this.#parts.push({ name, close });
    // Too late: opened while the rest was closing already.
    if (this.#state.name === "draining") void this.#closePart(this.#parts.pop(), 0, overtimeMs);
  }

  /** All listeners are up: ready from here on. */
  started(): void {
    if (this.#state.name === "starting") this.#state = { name: "running" };
  }

  /** For `/admin/ready`: null when calls are taken, otherwise why not. */
  notReady(): string | null {
    const state = this.#state;
    switch (state.name) {
      case "starting":
        return "starting: not all servers listen yet";
      case "running":
        return null;
      case "draining":
        return `draining: ${state.why}`;
    }
  }

  /** As a first signal would; does nothing when draining already. */
  shutdown(why: string, graceMs: number = this.#deps.graceMs): void {
    void this.#drain(why, graceMs, 0);
  }

  #listen(): Close {
    const { process } = this.#deps;
    const onSignal = Object.entries(endingSignals).map(([signal, number]) => {
      const listener = () => this.#signalled(signal, number);
      process.on(signal, listener);
      return () => process.off(signal, listener);
    });
    const onIgnored = ignoredSignals.map((signal) => {
      const listener = () => this.#ignored(signal);
      process.on(signal, listener);
      return () => process.off(signal, listener);
    });
    const onException = (why: unknown) => this.#failed("uncaught exception", why);
    const onRejection = (why: unknown) => this.#failed("unhandled rejection", why);
    process.on("uncaughtException", onException);
    process.on("unhandledRejection", onRejection);
    return () => {
      for (const off of [...onSignal, ...onIgnored]) off();
      process.off("uncaughtException", onException);
      process.off("unhandledRejection", onRejection);
    };
  }

  #ignored(signal: string): void {
    const advice = "to apply a changed file, start a new process and end this one with SIGTERM";
    this.#deps.log.warn({ event: "signal ignored", signal, advice });
  }

  #signalled(signal: string, number: number): void {
    const { clock, log } = this.#deps;
    if (this.#state.name !== "draining") return this.shutdown(signal);
    if (clock.nowMs() - this.#state.sinceMs < sameSignalMs) return undefined;
    log.warn({ event: "ended immediately", why: `second signal ${signal}` });
    return this.#exit(128 + number);
  }

  /** A callback threw, so some state may be half changed: take no more calls, end what runs. */
  #failed(event: string, why: unknown): void {
    this.#deps.fatal({ event, err: why instanceof Error ? why : new Error(String(why)) });
    this.#exitCode = 1;
    this.#errors += 1;
    if (this.#errors > errorsWhileDraining) return this.#exit(1);
    return void this.#drain(event, this.#deps.graceMs, 1);
  }

  async #drain(why: string, graceMs: number, exitCode: number): Promise<void> {
    if (this.#state.name === "draining") return;
    const { clock, log, process } = this.#deps;
    const sinceMs = clock.nowMs();
    this.#state = { name: "draining", why, sinceMs };
    this.#exitCode = Math.max(this.#exitCode, exitCode);
    // Should a part hang with no socket and no timer left, Node ends by itself: with this code.
    process.exitCode = this.#exitCode;
    log.info({ event: "draining", why, graceMs });
    for (let part = this.#parts.pop(); part !== undefined; part = this.#parts.pop()) {
      const leftMs = Math.max(0, sinceMs + graceMs - clock.nowMs());
      await this.#closePart(
        part,
        leftMs,
        Math.max(0, sinceMs + graceMs + overtimeMs - clock.nowMs()),
      );
    }
    log.info({ event: "ended", why, afterMs: Math.round(clock.nowMs() - sinceMs) });
    this.#exit(this.#exitCode);
  }

  /** Never rejects, and never takes longer than `limitMs`. */
  async #closePart(
    part: { readonly name: string; readonly close: ClosePart } | undefined,
    graceMs: number,
    limitMs: number,
  ): Promise<void> {
    if (part === undefined) return;
    const { clock, log } = this.#deps;
    const closing = (async () => part.close(graceMs))().catch((err: unknown) => {
      log.error({ event: "close failed", part: part.name, err });
    });
    await new Promise<void>((resolve) => {
      const cancel = clock.after(limitMs, () => {
        log.warn({ event: "given up", part: part.name, why: "it does not close" });
        resolve();
      });
      void closing.then(() => {
        cancel();
        resolve();
      });
    });
  }

  /** Takes effect once. A log that is not read delays the end by `flushMs` at most. */
  #exit(code: number): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#release();
    const { clock, flush, process } = this.#deps;
    const cancel = clock.after(flushMs, () => process.exit(code));
    void flush().then(() => {
      cancel();
      process.exit(code);
    });
  }
}
