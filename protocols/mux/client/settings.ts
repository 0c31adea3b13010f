// Settings that all sessions of one wire share.
import type { Clock, Random } from "../../../src/core/clock.ts";
import type { Log } from "../../../src/core/log.ts";
import type { DialOptions, WireStats } from "../../../src/core/transport.ts";
import type { TlsLevel } from "../codec/tls-level.ts";
import type { ClientConfig, MessageSizes } from "../keys.ts";

/** Times are milliseconds; Infinity means no limit. */
export interface MuxDialOptions extends Pick<
  DialOptions,
  "connectTimeoutMs" | "socket" | "tls" | "maxWaitMs" | "idleTimeMs" | "lifeTimeMs"
> {
  /** Of one message, its size field excluded. */
  readonly maxFrameBytes: number;
  /** The longest fragment that the endpoint is asked to send. */
  readonly maxFragmentBytes: number;
  readonly maxOutstanding: number;
  /** Infinity: no pings. */
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;
  /** Finagle's opportunistic TLS; with it, `tls` begins after the handshake of mux. */
  readonly tlsLevel: TlsLevel;
}

export interface MuxDialDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly stats: WireStats;
}

export interface ClientSettings extends MuxDialDeps {
  readonly options: MuxDialOptions;
  /** For messages to people: `127.0.0.1:4141`. */
  readonly name: string;
}

/** The keys of a configuration as bytes and milliseconds. */
export function dialOptions(
  sizes: MessageSizes,
  config: ClientConfig,
  options: DialOptions,
): MuxDialOptions {
  return {
    ...options,
    maxFrameBytes: sizes.maxFrameKB * 1024,
    maxFragmentBytes: sizes.maxFragmentKB * 1024,
    maxOutstanding: config.maxOutstanding,
    // Without TLS for this endpoint there is nothing to offer; `required` then fails its handshake.
    tlsLevel:
      options.tls === undefined && config.opportunisticTls === "desired"
        ? "off"
        : config.opportunisticTls,
    pingIntervalMs: config.pingIntervalMs === 0 ? Infinity : config.pingIntervalMs,
    pingTimeoutMs: config.pingTimeoutMs,
  };
}
