// What a wire is given, and what its connections share.
import type { Clock } from "../../../src/core/clock.ts";
import type { DialOptions, WireStats } from "../../../src/core/transport.ts";
import type { HeadLimits } from "../codec/limits.ts";

/** The pool and session keys that all protocols share, and the limits on responses. */
export interface HttpDialOptions extends Omit<DialOptions, "config"> {
  readonly limits: HeadLimits;
  /** With TLS: what to offer by ALPN. */
  readonly applicationProtocols?: readonly string[];
  /**
   * A body announced as no longer than this is awaited together with its head, so that a response
   * that breaks within it has not begun: the call can be retried.
   */
  readonly maxWholeBodyBytes: number;
  /** Bytes of an unwanted response to read in order to keep the connection. */
  readonly maxDrainBytes: number;
  /** How long to wait for a 100 before sending the body anyway. */
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
