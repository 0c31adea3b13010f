// What an instance says of itself to a fleet: `/admin/fleet.jsonl`, one JSON value a line.
//
//     {"switchyardFleet":1,"run":"...","slice":12,...}              the header: an InstanceHeader
//     {"problem":{...}}                                             as /problems.json has them
//     ["service",0,"/svc/users",120,118,2,1,3,41,60,180,[...]]       calls of router 0: a CallRow
//     ["client",0,"/#/io.l5d.fs/users",...]                          the same, towards endpoints
//     ["server",0,"127.0.0.1/4140",...]                             the same, from callers
//     ["endpoints",0,"/#/io.l5d.fs/users",[["127.0.0.1:8080",...],...]]  of one client: EndpointRows
//     {"end":6}                                                     the number of lines before it
//
// A line is small, so that a reader never has to parse a whole page in one turn of its event loop. Counts
// are totals since the start; of latencies only the slices behind `?after=` are sent, and a reader adds
// them up: nothing is lost when a page is, and any number of readers can follow one instance.
import type { RouterRow } from "../views/shapes.ts";

export const fleetPagePath = "/admin/fleet.jsonl";
export const fleetFormat = 1;

/** Longer lines are refused by the reader, and never sent by the writer. */
export const maxLineBytes = 64 * 1024;

export interface InstanceHeader {
  readonly switchyardFleet: number;
  /** Of this run of the process: with another, all totals have started at 0 again. */
  readonly run: string;
  /** Wall time of the page, and of the process's start, in ms. */
  readonly at: number;
  readonly startedAt: number;
  /** The number of the slice in progress, and the length of all. */
  readonly slice: number;
  readonly sliceMs: number;
  /** What the instance calls itself; null: nothing. */
  readonly name: string | null;
  readonly version: string;
  /** Of its configuration, as it was written. */
  readonly configHash: string;
  readonly configFile: string | null;
  /** null: calls are taken. */
  readonly notReady: string | null;
  readonly routers: readonly RouterRow[];
}

export const callKinds = ["service", "client", "server"] as const;
export type CallKind = (typeof callKinds)[number];

/** Milliseconds, each with the calls it has: `[number, sum, max, bucket, count, bucket, count, ...]`. */
export type SliceRow = readonly number[];

/** The calls of one scope. All but the last minute's figures are totals since the start. */
export type CallRow = readonly [
  kind: CallKind,
  router: number,
  name: string,
  requests: number,
  successes: number,
  failures: number,
  pending: number,
  /** Of the last minute, as the instance itself shows it; 0 without calls. */
  p50Ms: number,
  p99Ms: number,
  recentCount: number,
  recentSumMs: number,
  /** Only of services. */
  slices: readonly SliceRow[],
];

/** How EndpointFacts are sent: `[address, state, sinceMs, latencyMs, requests, successRate, at, error]`. */
export type EndpointRow = readonly unknown[];

/** Endpoints of one row; a client with more has several rows. */
export const endpointsPerRow = 100;
