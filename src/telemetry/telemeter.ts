// The interface of telemeters, which export metrics: a `kind:` in the section `telemetry`.
import type { CallHub } from "../core/calls/hub.ts";
import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import type { Plugin } from "../core/plugin.ts";
import type { GenericSchema } from "../core/schema.ts";
import type { TextPage } from "../core/text-page.ts";
import type { RecentCalls } from "./calls/recent-calls.ts";
import type { MetricsNode } from "./metrics.ts";

export interface TelemeterDeps {
  readonly metrics: MetricsNode;
  readonly calls: CallHub;
  readonly clock: Clock;
  readonly log: Log;
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
  /** Sends what is still buffered, then stops. */
  close(): Promise<void>;
}

export interface TelemeterPlugin extends Plugin<GenericSchema, TelemeterDeps, Telemeter> {
  /** Where its page is unless the key `path` says otherwise; absent: it adds no page. */
  readonly defaultPath?: string;
}
