// The JSON of a fleet's pages. The dashboard's scripts import these types, so nothing here needs Node.

/** The figures of the last minute, or of the time since the instance was first seen. */
export interface Figures {
  readonly perSecond: number;
  /** null: no calls. */
  readonly successRate: number | null;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly meanMs: number | null;
}

export interface Percentiles {
  readonly count: number;
  readonly meanMs: number;
  readonly maxMs: number;
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  readonly p999: number;
}

export interface Point {
  /** Wall time of the slot's begin, in ms. */
  readonly atMs: number;
  readonly requests: number;
  readonly failures: number;
}

/** One endpoint of a client, in the words of `/endpoints.json`. */
export interface EndpointFacts {
  readonly address: string;
  readonly state: string;
  readonly sinceMs: number | null;
  readonly lastError: { readonly at: string; readonly text: string } | null;
  readonly latencyMs: number | null;
  readonly lastMinute: { readonly requests: number; readonly successRate: number | null } | null;
}

/** A problem as `/problems.json` has it. */
export interface ProblemFacts {
  readonly id: string;
  readonly severity: "critical" | "warning" | "notice";
  readonly kind: string;
  readonly text: string;
  readonly since: string | null;
  readonly where: { readonly file: string; readonly line: number } | null;
  readonly advice: string;
  readonly subject: Readonly<Record<string, string>>;
}

export interface RouterRow {
  readonly label: string;
  readonly protocol: string;
  /** Where its servers listen, as `host:port`. */
  readonly servers: readonly string[];
}

export type InstanceStateName = "ready" | "not ready" | "down" | "not asked yet" | "left";

export interface Node {
  /** The address of an instance, or of what stands outside the fleet. */
  readonly id: string;
  readonly kind: "instance" | "outside";
  readonly name: string;
  readonly state: InstanceStateName | "unknown";
  /** In words. */
  readonly stateText: string;
  /** Of an outside node that only this instance calls: the service behind a sidecar. */
  readonly behind: string | null;
  /** What came in through its servers. */
  readonly incoming: Figures;
}

/** Calls of one client of one router to the endpoints of one node. */
export interface Edge {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly router: string;
  readonly protocol: string;
  readonly client: string;
  readonly endpoints: readonly EndpointFacts[];
  /** As the caller's router counted; null: not known for these endpoints alone. */
  readonly perSecond: number | null;
  readonly successRate: number | null;
  readonly latencyMs: number | null;
  /** Of the whole client, and of the whole server: a histogram for each endpoint is not kept. */
  readonly callerP99Ms: number | null;
  readonly calleeP99Ms: number | null;
  /** Mean of the callers' latencies less that of the callees'; null: they did not count the same calls. */
  readonly networkMs: number | null;
  readonly state: string;
  readonly lastError: string | null;
  /** How long ago it was last there; null: it is there. */
  readonly goneMs: number | null;
}

export interface Topology {
  readonly at: string;
  readonly nodes: readonly Node[];
  readonly edges: readonly Edge[];
}

/** A problem as /problems.json has it, and whose it is. */
export interface FleetProblem extends ProblemFacts {
  /** Ids of instances; empty: of the fleet as a whole. */
  readonly instances: readonly string[];
}

export interface InstanceView {
  /** Its admin server's address. */
  readonly id: string;
  readonly name: string;
  readonly url: string;
  readonly state: string;
  /** In words. */
  readonly text: string;
  readonly since: string | null;
  /** When it last sent a page; null: never. */
  readonly lastSeen: string | null;
  readonly startedAt: string | null;
  readonly version: string | null;
  readonly configHash: string | null;
  readonly configFile: string | null;
  readonly routers: readonly Pick<RouterRow, "label" | "protocol" | "servers">[];
  readonly incoming: Figures;
  /** Of it, by severity. */
  readonly problems: {
    readonly critical: number;
    readonly warning: number;
    readonly notice: number;
  };
}

export interface Overview {
  readonly at: string;
  readonly title: string;
  readonly intervalMs: number;
  readonly sources: readonly {
    readonly text: string;
    readonly count: number;
    readonly problem: string | null;
  }[];
  readonly instances: readonly InstanceView[];
  readonly problems: readonly FleetProblem[];
  /** What is kept, and where. */
  readonly kept: {
    readonly by: "fleet" | "prometheus";
    readonly series: number;
    readonly maxSeries: number;
  };
}

export interface GroupedNode extends Node {
  /** Ids of the instances that it stands for; one: it is that instance. */
  readonly members: readonly string[];
}

export interface GroupedTopology {
  readonly at: string;
  readonly isGrouped: boolean;
  readonly nodes: readonly GroupedNode[];
  readonly edges: readonly Edge[];
  /** Edges that are not shown: idle ones of a large fleet. */
  readonly leftOut: number;
}

export interface ServiceView {
  readonly router: string;
  readonly protocol: string;
  readonly name: string;
  readonly instances: number;
  readonly perSecond: number;
  readonly successRate: number | null;
  /** Of the last minute; null: no calls. */
  readonly latency: Percentiles | null;
}

export interface ServiceDetail extends ServiceView {
  readonly lastHour: Percentiles | null;
  readonly byInstance: readonly ({ readonly id: string; readonly name: string } & Figures)[];
  /** Sums over all instances. */
  readonly tenMinutes: readonly Pick<Point, "atMs" | "requests" | "failures">[];
  readonly hour: readonly (Pick<Point, "atMs" | "requests" | "failures"> & {
    readonly latency: Percentiles | null;
  })[];
}

/** A record of /requests.json, and whose it is. */
export interface FleetCall {
  readonly instance: string;
  readonly instanceName: string;
  readonly call: CallRecord;
}

/** What is read of a record; all of it is passed on. */
export interface CallRecord {
  readonly id: string;
  readonly at: string;
  readonly durationMs: number;
  readonly [field: string]: unknown;
}

export interface FleetCalls {
  readonly calls: readonly FleetCall[];
  readonly asked: number;
  /** Instances that did not respond, and why. */
  readonly missing: readonly { readonly instance: string; readonly why: string }[];
}

/** One line of the waterfall. */
export interface TraceRow {
  readonly kind: "call" | "attempt" | "network";
  /** 0: the outermost. */
  readonly depth: number;
  readonly instance: string;
  readonly instanceName: string;
  readonly router: string;
  /** Of a call what it was for, of an attempt where it went. */
  readonly text: string;
  /** Since the first call's begin. */
  readonly startMs: number;
  readonly durationMs: number;
  readonly status: string | null;
  readonly isFailure: boolean;
  /** Of an attempt `first`, `retry`, `requeue`, `hedge`; of a failure what happened. */
  readonly note: string | null;
  /** The id of the record in the instance's ring. */
  readonly call: string;
}

export interface Trace {
  readonly traceId: string;
  readonly at: string | null;
  readonly durationMs: number;
  readonly hops: number;
  readonly rows: readonly TraceRow[];
  /** What the rows were made of. */
  readonly calls: readonly FleetCall[];
  readonly asked: number;
  readonly missing: readonly { readonly instance: string; readonly why: string }[];
}
