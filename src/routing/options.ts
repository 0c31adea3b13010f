// What the configuration says of services and clients, as routing needs it.
import type { Classifier } from "../core/classifier.ts";
import type { DialOptions } from "../core/transport.ts";
import type { BudgetConfig } from "../core/pacing/budget-schema.ts";
import type { Filter } from "../core/service.ts";
import type { AccrualMaker } from "./accrual.ts";
import type { Backoff } from "../core/pacing/backoff.ts";
import type { TokenRate } from "../core/pacing/token-bucket.ts";
import type { FaultSetting } from "./filters/fault-switches.ts";
import type { HedgeOptions } from "./filters/hedge.ts";
import type { NackAdmissionOptions } from "./filters/nack-admission.ts";
import type { LimiterMaker } from "./limiters/limiter.ts";
import type { Balancing } from "./balancers/balancer.ts";

/** The `service` section as it applies to one logical name. */
export interface ServiceOptions<Req, Res> {
  readonly classifier: Classifier<Req, Res>;
  /** Over all attempts; Infinity: no limit. */
  readonly totalTimeoutMs: number;
  /** null: no limit. */
  readonly rateLimit: TokenRate | null;
  readonly retries: RetryOptions;
  /** The protocol's filters around all attempts, outermost first. */
  readonly filters: readonly Filter<Req, Res>[];
}

/** `retries` of a service: for responses that its classifier calls retryable. */
export interface RetryOptions {
  readonly budget: BudgetConfig;
  /** Tries of a single call, the first one included. */
  readonly maxAttempts: number;
  /** The waits before the second and later attempts, made for each call that needs them. */
  backoff(): Backoff;
}

/** The `client` section as it applies to one bound id. */
export interface ClientOptions {
  readonly balancing: Balancing;
  readonly accrual: AccrualMaker;
  /** Limit for each attempt until the head of its response; Infinity: no limit. */
  readonly attemptTimeoutMs: number;
  /** For calls that the endpoint certainly did not act on, which are sent again immediately. */
  readonly requeueBudget: BudgetConfig;
  readonly filters: ClientFilterOptions;
  readonly dial: DialOptions;
}

/** Optional filters of the `client` section; null and false: absent, and free of cost. */
export interface ClientFilterOptions {
  readonly rateLimit: TokenRate | null;
  readonly concurrency: LimiterMaker | null;
  readonly nackAdmission: NackAdmissionOptions | null;
  readonly hedge: HedgeOptions | null;
  readonly failFast: boolean;
  readonly faults: FaultSetting | null;
}

/** The default. */
export const noClientFilters: ClientFilterOptions = {
  rateLimit: null,
  concurrency: null,
  nackAdmission: null,
  hedge: null,
  failFast: false,
  faults: null,
};

/** `bindingCache`. */
export interface BindingCacheOptions {
  readonly paths: number;
  /** Accepted and not used: a path's tree and its bounds live and die with the path. */
  readonly trees: number;
  readonly bounds: number;
  readonly clients: number;
  readonly idleTtlSecs: number;
}
