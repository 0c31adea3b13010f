// What a fleet is configured with.
import type { Path } from "../core/names/path.ts";
import type { PrometheusAddress } from "./prometheus/client.ts";
import type { Target } from "./scrape/follower.ts";
import type { Credentials } from "./scrape/get.ts";

export interface FleetConfig {
  /** What the whole is called on its pages. */
  readonly title: string;
  readonly instances: readonly Target[];
  readonly file: string | null;
  /** Names whose addresses are admin servers. */
  readonly names: readonly Path[];
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly maxPageBytes: number;
  readonly maxSeries: number;
  /** How long an instance is shown that is not listed any more. */
  readonly forgetAfterMs: number;
  /** null: the fleet itself keeps the last hour. */
  readonly prometheus: PrometheusAddress | null;
  readonly credentials: Credentials;
}
