// What the admin server shows and does, as functions that assemble.ts hands to it: admin itself
// knows nothing of routers, namers and metrics.
import type { Dtab } from "../core/names/dtab.ts";
import type { Live } from "../core/live.ts";
import type { Path } from "../core/names/path.ts";

/** Whatever JSON.stringify can write. */
export type Json = unknown;

export interface MetricsQuery {
  readonly isPretty: boolean;
  readonly isTree: boolean;
  /** A scope such as `rt/http`; null: all. */
  readonly below: string | null;
}

/** A page that a telemeter brought along. */
export interface ExporterPage {
  readonly path: string;
  readonly contentType: string;
  render(): Promise<string>;
}

/** What an interpreter watches: `/<router>/interpreter_state/<name>.json`. */
export interface InterpreterState {
  readonly router: string;
  /** Such as `io.l5d.fs`, with `/...` behind it when the kind has several. */
  readonly name: string;
  state(): Json;
}

/** What to change of fault injection; percentages are of calls, 0 to 100. */
export interface FaultChange {
  readonly isOn?: boolean;
  readonly delayMs?: number;
  readonly delayPercent?: number;
  readonly abortPercent?: number;
}

export interface BuildInfo {
  readonly name: string;
  readonly version: string;
  /** Of the source; null when it is not known. */
  readonly revision: string | null;
}

/** What the configuration settles for a name: `/<router>/policy.json`. */
export interface PolicyView {
  readonly router: string;
  /** `path` is a logical name, or the id of a client. */
  of(path: Path): Json;
}

/** Called for each request: what they return may change as parts are opened and closed. */
export interface AdminViews {
  readonly build: BuildInfo;
  /** null: ready. Otherwise why not. */
  notReady(): string | null;
  /** The configuration as it runs, without secrets. */
  config(): Json;
  /** null: no such scope. */
  metricsJson(query: MetricsQuery): Promise<string | null>;
  exporters(): readonly ExporterPage[];
  /**
   * How a name resolves, in the JSON of Linkerd's delegator. `namespace` is a router's label, null:
   * none, so that only `/$/` names resolve. `dtab` null: the router's own. The result is null when
   * there is no such router, or its interpreter cannot tell.
   */
  delegate(namespace: string | null, dtab: Dtab | null, path: Path): Live<Json> | null;
  /** For each client its state and addresses. */
  clientState(): Json;
  /** Servers under their names in service discovery, and how announcing them goes. */
  announced(): readonly Json[];
  boundNames(): readonly string[];
  /** By the namer's prefix without its slash, such as `io.l5d.fs`. */
  namerStates(): ReadonlyMap<string, () => Json>;
  interpreterStates(): readonly InterpreterState[];
  policies(): readonly PolicyView[];
  logLevels(): readonly { readonly logger: string; readonly level: string }[];
  /** Every client that has `faults`, with what is switched on. */
  faults(): readonly Json[];
  /** null: all of them. How many clients are concerned now; null: there is no such router. */
  setFaults(router: string | null, client: string | null, change: FaultChange): number | null;
  /** false: no such level. */
  setLogLevel(logger: string, level: string): boolean;
  /** Begins to end the process; null: with the configured grace. */
  shutdown(graceMs: number | null): void;
}
