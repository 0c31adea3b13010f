// What a wire is given, and what its connections share.
import type { Clock } from "../../../src/core/clock.ts";
import type { DialOptions, WireStats } from "../../../src/core/transport.ts";
import type { HeadLimits } from "../codec/limits.ts";

/** Pool and session keys as every protocol has them, and what an answer may measure. */
export interface HttpDialOptions extends Omit<DialOptions, "config"> {
  readonly limits: HeadLimits;
  /**
   * A body announced as no longer than this is waited for, so that an answer that breaks within it
   * is no answer yet: the call can be tried again.
   */
  readonly maxWholeBodyBytes: number;
  /** Bytes of an answer nobody wants that are read to keep the connection. */
  readonly maxDrainBytes: number;
  /** How long to wait for a 100 before the body is sent anyway. */
  readonly continueTimeoutMs: number;
}

export interface HttpDialDeps {
  readonly clock: Clock;
  readonly stats: WireStats;
}

/** What the connections of one wire share. */
export interface ClientSettings {
  readonly clock: Clock;
  readonly stats: WireStats;
  readonly options: HttpDialOptions;
  /** `127.0.0.1:8080`, for texts. */
  readonly name: string;
}
