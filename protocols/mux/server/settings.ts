// What the connections of one listener share.
import type { Clock } from "../../../src/core/clock.ts";
import type { Failure } from "../../../src/core/failure.ts";
import type { Log } from "../../../src/core/log.ts";
import type { Service } from "../../../src/core/service.ts";
import type { Counter } from "../../../src/core/stats.ts";
import type { PeerInfo } from "../../../src/net/peer-info.ts";
import type { MuxRequest, MuxResponse } from "../message.ts";
import type { ConnectionOwner } from "./listener.ts";

/** Times are milliseconds; Infinity means no limit. */
export interface ServerLimits {
  /** Of one message, its size not counted. */
  readonly maxFrameBytes: number;
  /** What callers are asked to send in one piece. */
  readonly maxFragmentBytes: number;
  readonly maxOutstanding: number;
  readonly maxHeldBytes: number;
  readonly maxUnsentBytes: number;
  readonly stallTimeoutMs: number;
  readonly idleTimeMs: number;
  readonly lifeTimeMs: number;
}

/** How a call that failed is answered. */
export interface RenderedResponse {
  readonly status: 1 | 2;
  /** Of the `MuxFailure` context; 0: none is sent. */
  readonly flags: number;
  readonly text: string;
  /** The faults that were injected into the call; null: none. */
  readonly fault: string | null;
}

/** One call as its caller saw it, told once, when it is over. Must not be kept. */
export interface CompletedCall {
  readonly request: MuxRequest;
  readonly outcome: "ok" | "error" | "nack" | "discarded" | "gone";
  readonly failure: Failure | null;
  /** Bytes of the answer's payload. */
  readonly sentBytes: number;
  readonly startedMs: number;
  readonly endedMs: number;
  readonly peer: PeerInfo;
}

export interface ServerSettings {
  readonly limits: ServerLimits;
  readonly clock: Clock;
  readonly log: Log;
  readonly route: Service<MuxRequest, MuxResponse>;
  render(failure: Failure, request: MuxRequest, peer: PeerInfo): RenderedResponse;
  onCompleted(exchange: CompletedCall): void;
  /** A connection is closed because what came over it is no mux; it has been logged. */
  onMalformed(): void;
  readonly owner: ConnectionOwner;
  readonly receivedBytes: Counter;
  readonly sentBytes: Counter;
}
