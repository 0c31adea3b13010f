// What the configuration says of services and clients, as routing needs it.
import type { Classifier, DialOptions } from "../core/protocol.ts";
import type { AccrualMaker } from "./accrual.ts";
import type { Balancing } from "./balancers/balancer.ts";

/** The `service` section as it applies to one logical name. */
export interface ServiceOptions<Req, Res> {
  readonly classifier: Classifier<Req, Res>;
  /** Over all tries; Infinity: no limit. */
  readonly totalTimeoutMs: number;
}

/** The `client` section as it applies to one bound id. */
export interface ClientOptions {
  readonly balancing: Balancing;
  readonly accrual: AccrualMaker;
  /** Of each try, until the head of its answer; Infinity: no limit. */
  readonly attemptTimeoutMs: number;
  readonly dial: DialOptions;
}

/** `bindingCache`. */
export interface BindingCacheOptions {
  readonly paths: number;
  /** Accepted and not used: a path's tree and its bounds live and die with the path. */
  readonly trees: number;
  readonly bounds: number;
  readonly clients: number;
  readonly idleTtlSecs: number;
}
