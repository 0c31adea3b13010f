// The interface of telemeters, which export metrics: a `kind:` in the section `telemetry`.
import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import type { Plugin } from "../core/plugin.ts";
import type { GenericSchema } from "../core/schema.ts";
import type { TextPage } from "../core/text-page.ts";
import type { MetricsNode } from "./metrics.ts";

export interface TelemeterDeps {
  readonly metrics: MetricsNode;
  readonly clock: Clock;
  readonly log: Log;
}

/** A page that a telemeter adds to the admin server. */
export interface TelemeterPage {
  readonly path: string;
  readonly contentType: string;
  render(): Promise<TextPage>;
}

export interface Telemeter {
  readonly pages: readonly TelemeterPage[];
  /** Sends what is still buffered, then stops. */
  close(): Promise<void>;
}

export type TelemeterPlugin = Plugin<GenericSchema, TelemeterDeps, Telemeter>;
