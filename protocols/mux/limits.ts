// The keys of a configuration as limits in bytes and milliseconds.
import type { DialOptions, ListenOptions } from "../../src/core/transport.ts";
import type { MuxDialOptions } from "./client/settings.ts";
import type { ClientConfig, RouterConfig, ServerConfig } from "./keys.ts";
import type { ServerLimits } from "./server/settings.ts";

type Sizes = Pick<RouterConfig, "maxFrameKB" | "maxFragmentKB">;

export function serverLimits(
  sizes: Sizes,
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
    idleTimeMs: options.idleTimeMs,
    lifeTimeMs: options.lifeTimeMs,
  };
}

export function dialOptions(
  sizes: Sizes,
  config: ClientConfig,
  options: DialOptions,
): MuxDialOptions {
  return {
    ...options,
    maxFrameBytes: sizes.maxFrameKB * 1024,
    maxFragmentBytes: sizes.maxFragmentKB * 1024,
    maxOutstanding: config.maxOutstanding,
    pingIntervalMs: config.pingIntervalMs === 0 ? Infinity : config.pingIntervalMs,
    pingTimeoutMs: config.pingTimeoutMs,
  };
}
