// How many calls of one client may be in progress: a limit that finds itself.
import type { Plugin } from "../../core/plugin.ts";
import type { GenericSchema } from "../../core/schema.ts";

/** The limit of one cluster. */
export interface Limiter {
  /** Calls that may be in progress now. */
  readonly limit: number;
  /** A response came after `latencyMs`; `inProgress` counts its call. */
  observe(nowMs: number, latencyMs: number, inProgress: number): void;
}

/** Makes the limiter of a new cluster. */
export type LimiterMaker = (nowMs: number) => Limiter;
export type LimiterPlugin = Plugin<GenericSchema, void, LimiterMaker>;
