// How a name server is asked: a `kind:` of the section `interfaces`.
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Clock, Close, Random } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import type { MountedNamer } from "../core/naming.ts";
import type { Plugin } from "../core/plugin.ts";
import type { GenericSchema } from "../core/schema.ts";
import type { Listener } from "../core/transport.ts";
import type { Stats } from "../core/stats.ts";
import type { Namespaces } from "./namespaces.ts";

/** `respond` is called at most once; the result says that the call was cancelled. */
type HandleMessage = (payload: Buffer, respond: (response: Buffer) => void) => Close;

export interface InterfaceDeps {
  readonly namespaces: Namespaces;
  /** For the list of all bound names. */
  readonly namers: readonly MountedNamer[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** `interface/<kind>`. */
  readonly stats: Stats;
  /** Listens for calls of bytes over mux, with TLS where the interface has it. */
  listenForMessages(host: string, port: number, handle: HandleMessage): Promise<Listener>;
  /** An HTTP server, with TLS where the interface has it. */
  createServer(
    handle: (request: IncomingMessage, response: ServerResponse) => void,
  ): Promise<Server>;
}

export interface RunningInterface {
  readonly kind: string;
  readonly host: string;
  readonly port: number;
  /** Stops listening; responses in progress have `graceMs` to end, watches end immediately. */
  close(graceMs: number): Promise<void>;
}

/** Listens once the promise resolves; rejects with a text for people when it cannot. */
export type InterfacePlugin = Plugin<GenericSchema, InterfaceDeps, Promise<RunningInterface>>;

/** The keys that `create` of every interface gets, beside its own. */
export interface ListenConfig {
  readonly ip: string;
  readonly port: number;
}
