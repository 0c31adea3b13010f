// Settings that all connections of one listener share.
import type { RefusedCall } from "../../../src/core/calls/ended-call.ts";
import type { Clock } from "../../../src/core/clock.ts";
import type { Failure } from "../../../src/core/failure.ts";
import type { Log } from "../../../src/core/log.ts";
import type { ListenOptions } from "../../../src/core/transport.ts";
import type { Service } from "../../../src/core/service.ts";
import type { Counter } from "../../../src/core/stats.ts";
import type { PeerInfo } from "../../../src/net/peer-info.ts";
import type { RenderedResponse } from "../failures.ts";
import type { CompletedCall, MuxRequest, MuxResponse } from "../message.ts";
import type { MessageSizes, ServerConfig } from "../keys.ts";
import type { TlsLevel } from "../codec/tls-level.ts";
import type { ConnectionOwner } from "./listener.ts";

/** Times are milliseconds; Infinity means no limit. */
export interface ServerLimits {
  /** Of one message, its size field excluded. */
  readonly maxFrameBytes: number;
  /** The longest fragment that callers are asked to send. */
  readonly maxFragmentBytes: number;
  readonly maxOutstanding: number;
  readonly maxHeldBytes: number;
  readonly maxUnsentBytes: number;
  readonly stallTimeoutMs: number;
  /** How long a caller that has sent a FIN may wait for its next response. */
  readonly halfCloseGraceMs: number;
  readonly idleTimeMs: number;
  readonly lifeTimeMs: number;
}

export interface ServerSettings {
  readonly limits: ServerLimits;
  readonly clock: Clock;
  readonly log: Log;
  readonly route: Service<MuxRequest, MuxResponse>;
  render(failure: Failure, request: MuxRequest, peer: PeerInfo): RenderedResponse;
  onCompleted(exchange: CompletedCall): void;
  /** A call that was not taken, since it could not be read or there was no room. */
  onRefused(call: RefusedCall): void;
  /** Called after logging when a connection is closed because its input is not mux, or a call is not readable. */
  onMalformed(): void;
  readonly owner: ConnectionOwner;
  /** Finagle's opportunistic TLS: what the server says of it in the handshake. */
  readonly tlsLevel: TlsLevel;
  readonly receivedBytes: Counter;
  readonly sentBytes: Counter;
}

/** The keys of a configuration as bytes and milliseconds. */
export function serverLimits(
  sizes: MessageSizes,
  config: ServerConfig,
  options: ListenOptions,
): ServerLimits {
  return {
    maxFrameBytes: sizes.maxFrameKB * 1024,
    maxFragmentBytes: sizes.maxFragmentKB * 1024,
    maxOutstanding: config.maxOutstanding,
    maxHeldBytes: config.maxHeldKB * 1024,
    maxUnsentBytes: config.maxUnsentKB * 1024,
    stallTimeoutMs: config.stallTimeoutMs,
    halfCloseGraceMs: options.halfCloseGraceMs,
    idleTimeMs: options.idleTimeMs,
    lifeTimeMs: options.lifeTimeMs,
  };
}
