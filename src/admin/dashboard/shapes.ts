// The JSON that the dashboard's pages read. Its scripts import these types, so nothing here needs Node.

export type ScopeKind = "server" | "service" | "client";

/** What the head of every page says of the process. */
export interface Instance {
  /** Such as `outgoing, incoming`. */
  readonly name: string;
  readonly host: string;
  readonly version: string;
  /** As it was given to the process; null: unknown. */
  readonly file: string | null;
  readonly pid: number;
  readonly node: string;
  readonly uptimeMs: number;
  readonly residentBytes: number;
  /** Share of the time since the overview was read last in which the event loop was busy, 0 to 1. */
  readonly busy: number;
  /** null: calls are taken; otherwise why not. */
  readonly notReady: string | null;
  /** Whether it watches a fleet. */
  readonly hasFleet: boolean;
}

export interface RouterInfo {
  readonly label: string;
  readonly protocol: string;
  readonly dstPrefix: string;
  readonly interpreter: string;
  /** Such as `127.0.0.1:4140`. */
  readonly servers: readonly string[];
  readonly dtab: string;
}

/** One line of a router's table. */
export interface ScopeRow {
  /** `<router> <kind> <name>`. */
  readonly key: string;
  readonly router: string;
  readonly kind: ScopeKind;
  /** `127.0.0.1/4140`, a logical name, or a bound id. */
  readonly name: string;
  /** Since the start. */
  readonly calls: number;
  /** Over the last five to ten seconds. */
  readonly perSecond: number;
  /** Of the last minute, 0 to 1; null: no call ended in it. */
  readonly success: number | null;
  /** Of the last minute; null: no call ended in it. */
  readonly p50: number | null;
  readonly p99: number | null;
  readonly pending: number;
  /** Of a service: the clients that it is bound to now. Not those of callers' own dtabs. */
  readonly to?: readonly { readonly id: string; readonly share: number }[];
  /** Of a service that is not bound: why. */
  readonly detail?: string;
  /** Of a client. */
  readonly endpoints?: { readonly open: number; readonly total: number };
}

/** Curves of the last ten minutes: one number a sample, null where there is none. */
export type Curve = readonly (number | null)[];

/** Calls a second, failures a second, p50 and p99 in ms. */
export type SparkSamples = readonly [calls: Curve, failures: Curve, p50: Curve, p99: Curve];

export interface Samples {
  readonly periodMs: number;
  /** The number of the last sample. */
  readonly last: number;
  readonly byKey: Readonly<Record<string, SparkSamples>>;
}

export interface Problem {
  /** The same for as long as it lasts. */
  readonly id: string;
  readonly severity: "critical" | "warning" | "notice";
  /** One sentence, with numbers. */
  readonly text: string;
  readonly since: string;
  readonly where: { readonly file: string; readonly line: number } | null;
  readonly advice: string;
  readonly subject: {
    readonly router?: string;
    readonly name?: string;
    readonly client?: string;
    readonly endpoint?: string;
    readonly namer?: string;
  };
}

/** What is wrong now, worst first, and what was looked at. */
export interface Problems {
  readonly problems: readonly Problem[];
  /** How many are not listed. */
  readonly more: number;
  readonly looked: readonly string[];
}

/** One moment of the process. */
export interface Overview {
  readonly at: string;
  readonly instance: Instance;
  readonly routers: readonly RouterInfo[];
  readonly rows: readonly ScopeRow[];
  /** Rows beyond those that a page can show. */
  readonly leftOut: number;
  readonly problems: Problems;
}

/** What the stream sends every second, after an `Overview` and the `Samples` of all scopes, some at a time: what is not said has not changed. */
export interface Change {
  readonly at: string;
  readonly instance: Instance;
  readonly routers?: readonly RouterInfo[];
  readonly rows?: readonly ScopeRow[];
  /** Keys of rows that went away. */
  readonly gone?: readonly string[];
  readonly leftOut?: number;
  readonly problems?: Problems;
  /** The samples taken since the last message. */
  readonly samples?: Samples;
}

export interface Percentiles {
  readonly count: number;
  readonly avg: number;
  readonly max: number;
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  readonly p999: number;
}

/** One server, service or client in full. */
export interface ScopeDetail {
  readonly at: string;
  readonly row: ScopeRow;
  /** Of the last minute; null: no call ended in it. */
  readonly latencyMs: Percentiles | null;
  /** Failures since the start, by kind; those without a kind are responses that count as failures. */
  readonly failures: readonly { readonly kind: string; readonly count: number }[];
  readonly statuses: readonly { readonly status: string; readonly count: number }[];
  /** Counters and gauges below the scope that are not shown otherwise, as `retries/budget`. */
  readonly numbers: Readonly<Record<string, number>>;
  readonly history: ScopeHistory;
}

export interface ScopeHistory {
  readonly periodMs: number;
  readonly last: number;
  readonly curves: Readonly<Record<string, Curve>>;
}

export type { CallRecord, RecordedAttempt } from "../../core/calls/record.ts";

/** A page of the manual. */
export interface ManualPage {
  /** Of all pages, in alphabetical order. */
  readonly names: readonly string[];
  readonly name: string;
  /** Markdown. */
  readonly text: string;
}

/** The configuration as the file had it when the process started. */
export interface ConfigText {
  /** null: it came from standard input. */
  readonly file: string | null;
  /** Line 1 first, without the values of secrets. */
  readonly lines: readonly string[];
}
