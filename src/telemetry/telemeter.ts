// The interface of telemeters, which export metrics: a `kind:` in the section `telemetry`.
import type { CallHub } from "../core/calls/hub.ts";
import type { Clock, Random } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import type { Plugin } from "../core/plugin.ts";
import type { GenericSchema } from "../core/schema.ts";
import type { Stats } from "../core/stats.ts";
import type { TextPage } from "../core/text-page.ts";
import type { RecentCalls } from "./calls/recent-calls.ts";
import type { CheckedClientTls } from "../core/tls/schema.ts";
import type { Sampler } from "../core/tracing/sampler.ts";
import type { MetricsNode } from "./metrics.ts";

export interface TelemeterDeps {
  readonly metrics: MetricsNode;
  /** The telemeter's own scope, `telemetry/<kind>`. */
  readonly stats: Stats;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Reports the calls that have ended. */
  readonly calls: CallHub;
  readonly sampler: Sampler;
  /** Of this program. */
  readonly version: string;
  /** How to connect to a configured collector; `tls` null: as the URL says, with the usual certificates. */
  connectionTo(url: string, tls: Partial<CheckedClientTls> | null): CollectorConnection;
}

export interface CollectorConnection {
  /** For `net.connect` or `tls.connect`: an address looked up ahead, certificates. */
  readonly options: object;
  /** Ends the lookups. */
  close(): void;
}

/** What `/admin/tracing` shows of an exporter of spans. */
export interface ExportedSpans {
  readonly to: string;
  readonly sent: number;
  readonly dropped: number;
  readonly queued: number;
  readonly problem: string | null;
}

/** A page that a telemeter adds to the admin server. */
export interface TelemeterPage {
  readonly path: string;
  readonly contentType: string;
  /** `host`: the Host header with which the page was requested; null: it was requested without one. */
  render(host: string | null): Promise<TextPage>;
}

export interface Telemeter {
  readonly pages: readonly TelemeterPage[];
  /** Absent: it keeps no calls. */
  readonly recent?: RecentCalls;
  /** Absent: it exports no spans. */
  spans?(): ExportedSpans;
  /** Sends what is still buffered, then stops. */
  close(): Promise<void>;
}

export interface TelemeterPlugin extends Plugin<
  GenericSchema,
  TelemeterDeps,
  Telemeter | Promise<Telemeter>
> {
  /** Where its page is unless the key `path` says otherwise; absent: it adds no page. */
  readonly defaultPath?: string;
}
