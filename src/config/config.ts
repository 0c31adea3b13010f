// The configuration in the form that the rest of the program uses: explicit units, no optional fields.
import type { CallerDtabRule } from "../core/names/caller-dtab.ts";
import type { Dtab } from "../core/names/dtab.ts";
import type { AllowRule } from "../core/names/san-pattern.ts";
import type { Path } from "../core/names/path.ts";
import type { BackoffConfig } from "../core/pacing/backoff.ts";
import type { BudgetConfig } from "../core/pacing/budget-schema.ts";
import type { ClientTlsConfig, ServerTlsConfig } from "../core/tls/tls.ts";
import type { DialOptions, ListenOptions, SocketOptions } from "../core/transport.ts";
import type { KindConfig } from "./kinds.ts";
import type { Policy } from "./policy.ts";
import type { CheckedFleet } from "./schemas/fleet.ts";
import type { Step } from "./yaml/yaml.ts";
import type { AdminSecurityConfig } from "./schemas/security.ts";

/** Times are milliseconds unless their name says otherwise; Infinity means no limit. */
export interface Config {
  readonly admin: AdminConfig;
  readonly limits: LimitsConfig;
  readonly logLevel: "debug" | "info" | "warn" | "error";
  /** In the order of the file. */
  readonly namers: readonly NamerConfig[];
  /** Empty for a name server only. */
  readonly routers: readonly RouterConfig[];
  /** null: this process is no name server. */
  readonly nameServer: NameServerConfig | null;
  /** null: this process watches no others. */
  readonly fleet: CheckedFleet | null;
  /** The argument of each plugin's `create`. */
  readonly telemetry: readonly KindConfig[];
  /** The file as it was written, as plain JSON. It contains secrets: see `redact`. */
  readonly raw: Readonly<Record<string, unknown>>;
  readonly document: ConfigDocument;
}

/** The text of the file, for those who point at a place in it. */
export interface ConfigDocument {
  readonly text: string;
  /** The line of the key or item at `steps`, or of the last one on the way that exists. From 1. */
  lineOf(steps: readonly Step[]): number;
}

export interface NameServerConfig {
  /** The argument of its plugin's `create`. */
  readonly storage: KindConfig;
  /** Never empty. */
  readonly interfaces: readonly {
    /** The argument of its plugin's `create`. */
    readonly config: KindConfig;
    /** null: plain text. */
    readonly tls: ServerTlsConfig | null;
  }[];
}

interface AdminConfig {
  readonly host: string;
  readonly port: number;
  readonly shutdownGraceMs: number;
  /** null: the file does not mention it. */
  readonly security: AdminSecurityConfig | null;
  /** null: plain text. */
  readonly tls: ServerTlsConfig | null;
  /** The file with its tokens; null: requests need none. */
  readonly tokenPath: string | null;
  readonly isReadOnly: boolean;
  /** null: there is no such listener. */
  readonly httpIdentifierPort: number | null;
  readonly socket: SocketOptions;
  /** Such as `/#/io.l5d.consul/switchyard-admin`. */
  readonly announce: readonly Path[];
  readonly announcers: readonly AnnouncerConfig[];
}

/** Limits of the whole process. */
interface LimitsConfig {
  readonly maxConnections: number;
  /** null: a share of the memory of the process. */
  readonly maxBufferedBytes: number | null;
  readonly shedAboveLagMs: number;
}

interface NamerConfig {
  /** `/#` and its prefix, such as `/#/io.l5d.fs`. */
  readonly id: Path;
  /** The argument of its plugin's `create`. */
  readonly config: KindConfig;
  readonly transformers: readonly TransformerConfig[];
}

/** `config` is the argument of the plugin's `create`; `idPrefix` is the configured prefix below `/%`. */
export interface TransformerConfig {
  readonly idPrefix: Path;
  readonly config: KindConfig;
}

export interface RouterConfig {
  readonly protocol: string;
  readonly label: string;
  readonly dstPrefix: Path;
  readonly dtab: Dtab;
  readonly bindingTimeoutMs: number;
  readonly bindingCache: BindingCacheConfig;
  /** How many names get their own metrics scope. */
  readonly maxServiceNames: number;
  readonly interpreter: {
    readonly config: KindConfig;
    readonly transformers: readonly TransformerConfig[];
  };
  /** Tried in this order; never empty. */
  readonly identifiers: readonly KindConfig[];
  readonly originator: boolean;
  /** Whether names may lead to the router's own servers. */
  readonly allowSelfCalls: boolean;
  readonly servers: readonly ServerConfig[];
  readonly announcers: readonly AnnouncerConfig[];
  /** By logical name. */
  readonly service: Policy<ServiceConfig>;
  /** By the id of what a name is bound to. */
  readonly client: Policy<ClientConfig>;
  /** Every `tls` of the client's entries, so that their files are read at the start. */
  readonly clientTls: readonly ClientTlsConfig[];
  /** Where each `tls` of the client stands, such as `proxy.yaml:12`, by its entry: `configs[1]`, or empty. */
  readonly tlsPlaces: ReadonlyMap<string, string>;
  /** The protocol's own keys of the router (`routerKeys`). */
  readonly config: Readonly<Record<string, unknown>>;
}

/** Where a router listens, and the names under which it is announced. */
export interface ServerConfig extends Omit<ListenOptions, "tls"> {
  /** null: plain text. */
  readonly tls: ServerTlsConfig | null;
  /** Which callers may call which names; null: all may call all. */
  readonly allow: readonly AllowRule[] | null;
  /** Which dtabs of its callers it accepts. */
  readonly callerDtab: CallerDtabRule;
  /** Such as `/#/io.l5d.consul/users`. */
  readonly announce: readonly Path[];
}

export interface AnnouncerConfig {
  /** `/#` and its prefix, such as `/#/io.l5d.consul`. */
  readonly id: Path;
  /** The argument of its plugin's `create`. */
  readonly config: KindConfig;
}

interface BindingCacheConfig {
  readonly paths: number;
  readonly trees: number;
  readonly bounds: number;
  readonly clients: number;
  readonly idleTtlSecs: number;
}

export interface ServiceConfig {
  readonly totalTimeoutMs: number;
  readonly responseClassifier: KindConfig;
  readonly retries: RetriesConfig;
  readonly rateLimit: RateLimitConfig | null;
  /** The protocol's own keys of the service (`serviceKeys`). */
  readonly config: Readonly<Record<string, unknown>>;
}

interface RetriesConfig {
  readonly budget: BudgetConfig;
  readonly backoff: BackoffConfig;
  readonly maxAttempts: number;
}

interface RateLimitConfig {
  readonly perSec: number;
  readonly burst: number;
}

/** Optional filters around the calls of a client; null or false switches one off. */
export interface ClientFilterConfig {
  readonly rateLimit: RateLimitConfig | null;
  readonly concurrency: KindConfig | null;
  readonly nackAdmission: { readonly windowMs: number; readonly threshold: number } | null;
  /** `maxExtraLoad` is a share, 0 to 1. */
  readonly hedge: { readonly percentile: number; readonly maxExtraLoad: number } | null;
  readonly failFast: boolean;
  readonly faults: FaultConfig | null;
}

export interface FaultConfig {
  readonly isOn: boolean;
  readonly delayMs: number;
  readonly delayPercent: number;
  readonly abortPercent: number;
}

export interface ClientConfig {
  readonly loadBalancer: KindConfig;
  readonly failureAccrual: KindConfig;
  readonly requestAttemptTimeoutMs: number;
  readonly requeueBudget: BudgetConfig;
  readonly filters: ClientFilterConfig;
  readonly dial: Omit<DialOptions, "tls">;
  /** null: plain text. */
  readonly tls: ClientTlsConfig | null;
}
