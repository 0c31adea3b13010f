// The admin server's window on the process: functions that assemble.ts provides, so that the admin
// server itself need not know routers, namers and metrics.
import type { Readable } from "node:stream";
import type { CallFilter } from "../core/calls/filter.ts";
import type { CallRecord } from "../core/calls/record.ts";
import type { Dtab } from "../core/names/dtab.ts";
import type { Close } from "../core/clock.ts";
import type { Live } from "../core/live.ts";
import type { Path } from "../core/names/path.ts";
import type { TextPage } from "../core/text-page.ts";
import type { ConfigText, Overview, Samples, ScopeDetail, ScopeKind } from "./dashboard/shapes.ts";

/** Anything that JSON.stringify accepts. */
export type Json = unknown;

export interface MetricsQuery {
  readonly isPretty: boolean;
  readonly isTree: boolean;
  /** A scope such as `rt/http`; null: the whole tree. */
  readonly below: string | null;
}

/** A page that a telemeter contributes. */
export interface ExporterPage {
  readonly path: string;
  readonly contentType: string;
  /** `host`: the Host header of the request; null: it had none. */
  render(host: string | null): Promise<TextPage>;
}

/** The watches of an interpreter, shown at `/<router>/interpreter_state/<name>.json`. */
export interface InterpreterState {
  readonly router: string;
  /** The kind, such as `io.l5d.fs`, followed by `/...` if the kind has several states. */
  readonly name: string;
  state(): Json;
}

/** A change of fault injection. Percentages are shares of the calls, 0 to 100. */
export interface FaultChange {
  readonly isOn?: boolean;
  readonly delayMs?: number;
  readonly delayPercent?: number;
  readonly abortPercent?: number;
}

/** Null: stays as it is. */
export interface TracingChange {
  readonly isEnabled: boolean | null;
  /** 0..1. */
  readonly sampleRate: number | null;
  /** Whose rate; null: that of all. */
  readonly exporter: string | null;
}

export interface BuildInfo {
  readonly name: string;
  readonly version: string;
  /** Revision of the source; null if unknown. */
  readonly revision: string | null;
}

/** The settings that apply to a name, shown at `/<router>/policy.json`. */
export interface PolicyView {
  readonly router: string;
  /** `path` is a logical name, or the id of a client. */
  of(path: Path): Json;
}

/** A kind of problem, shown at `/admin/lint`. */
export interface LintRule {
  readonly rule: string;
  readonly description: string;
  /** One sentence each; none: all is well. */
  readonly issues: readonly string[];
}

/** Shown at `/requests.json`. */
export interface RecentRequests {
  readonly routers: readonly Json[];
  /** Newest first. */
  readonly requests: readonly (CallRecord & { readonly kept: readonly string[] })[];
}

/** A fleet that this process watches. */
export interface FleetViews {
  overview(): Json;
  topology(): Json;
  services(): Json;
  /** null: no instance has such a service; a text: why it is not known. */
  service(router: string, name: string): Promise<Json | null>;
  problems(): Json;
  /** Asks the instances; `query` is that of `/requests.json`. A text: too much is being asked already. */
  calls(query: string): Promise<Json>;
  trace(id: string): Promise<Json>;
  /** Calls `changed` whenever something new is known, `closed` when nothing more will be. */
  watch(changed: () => void, closed: () => void): Close;
}

/** What the dashboard shows beyond the other pages. */
export interface DashboardView {
  /** The process at this moment, read in pieces between which the event loop handles calls. */
  overview(): Promise<Overview>;
  /** Curves of the last ten minutes; only samples behind the one with that number. */
  samples(after: number): Promise<Samples>;
  /** The number of the last sample; -1: there is none yet. */
  lastSample(): number;
  /** null: there is no such scope. */
  scope(router: string, kind: ScopeKind, name: string): Promise<ScopeDetail | null>;
  /** The configuration line by line, without secrets. */
  configText(): Promise<ConfigText>;
}

/** Called for each request: results change as parts of the process open and close. */
export interface AdminViews {
  readonly build: BuildInfo;
  readonly dashboard: DashboardView;
  /** The reason for not being ready, or null. */
  notReady(): string | null;
  /** The running configuration, with secrets redacted. */
  config(): Json;
  /** null: there is no such scope. */
  metricsJson(query: MetricsQuery): Promise<TextPage | null>;
  exporters(): readonly ExporterPage[];
  /** What a fleet reads of this process; of latencies only slices behind `after`. */
  fleetPage(after: number): Promise<TextPage>;
  /** null: this process watches no fleet. */
  fleet(): FleetViews | null;
  /**
   * How a name resolves, in the JSON of Linkerd's delegator. `namespace` is a router's label; null
   * means no router, so that only `/$/` names resolve. `dtab` null means the router's own. Returns
   * null if there is no such router, or if its interpreter cannot delegate.
   */
  delegate(namespace: string | null, dtab: Dtab | null, path: Path): Live<Json> | null;
  /** Why a dtab, which has not been parsed yet, is too large to be resolved for a page; null: it is not. */
  dtabProblem(namespace: string | null, text: string): string | null;
  /** Each client with its endpoints and their health, made when it is read. Null parameters mean all. */
  endpoints(router: string | null, client: string | null): Iterable<Json>;
  /** What each HTTP router makes of the head of a request, by label: `path` and `dtab`, or `error`. */
  identify(head: Buffer): Json;
  readonly isNameServer: boolean;
  /** What the storage of the name server watches, at `/storage/<name>.json`; null: there is none. */
  storage(): { readonly name: string; state(): Json } | null;
  /** The calls that are kept, newest first, and how many of which kind are. */
  requests(filter: CallFilter, limit: number): RecentRequests;
  /** Calls as they end, at most `perSec` a second, as an endless text; null: too many listen already. */
  tap(filter: CallFilter, perSec: number, isForBrowsers: boolean): Readable | null;
  /** The state and the addresses of each client. */
  clientState(): Json;
  /** The servers that are announced to service discovery, with the state of each announcement. */
  announced(): readonly Json[];
  boundNames(): readonly string[];
  /** Keyed by the namer's prefix without its slash, such as `io.l5d.fs`. */
  namerStates(): ReadonlyMap<string, () => Json>;
  interpreterStates(): readonly InterpreterState[];
  policies(): readonly PolicyView[];
  /** What is wrong now, worst first. */
  problems(): Promise<Json>;
  lint(): Promise<readonly LintRule[]>;
  /** Routers with their servers and clients, for `/admin/registry.json`. */
  registry(): Json;
  logLevels(): readonly { readonly logger: string; readonly level: string }[];
  /** Every client with `faults`, and which of them are enabled. */
  faults(): readonly Json[];
  /** Null arguments mean all. Returns how many clients changed; null: there is no such router. */
  setFaults(router: string | null, client: string | null, change: FaultChange): number | null;
  /** False if there is no such level. */
  setLogLevel(logger: string, level: string): boolean;
  /** The exporters of spans, their rates, and how they do. */
  tracing(): Json;
  /** False if there is no such exporter. */
  setTracing(change: TracingChange): boolean;
  /** Starts the shutdown of the process; null means the configured grace. */
  shutdown(graceMs: number | null): void;
}
