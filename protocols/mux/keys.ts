// The keys that mux adds to a router, its servers and its client; docs/mux.md describes them.
import * as v from "valibot";
import { integer, milliseconds, says, truth } from "../../src/core/schema.ts";
import { tlsLevels } from "./codec/tls-level.ts";
import { accessLogKeys } from "../../src/access-log/keys.ts";

/** The size field is a signed number of four bytes. */
const maxKilobytes = 2 * 1024 * 1024 - 1;

export const routerKeys = {
  maxFrameKB: says(
    "The longest message, in either direction, fragmented or not; longer: its call fails. See also limits.maxBufferedMB.",
    v.optional(integer(1, maxKilobytes), 65_536),
  ),
  maxFragmentKB: says(
    "Peers are asked to send longer messages in fragments of this size, so that short messages can pass them.",
    v.optional(integer(1, maxKilobytes), 64),
  ),
  muxAccessLog: accessLogKeys.file,
  muxAccessLogFormat: accessLogKeys.format,
  muxAccessLogRollPolicy: accessLogKeys.rollPolicy,
  muxAccessLogAppend: accessLogKeys.append,
  muxAccessLogRotateCount: accessLogKeys.rotateCount,
  errorDetail: says(
    "Who sees addresses, dtabs and how a name was resolved when a call fails: full: every caller; local: callers on the proxy's own host; none: no caller.",
    v.optional(v.picklist(["full", "local", "none"], "expected full, local or none"), "local"),
  ),
};

export const serverKeys = {
  opportunisticTls: says(
    "Finagle's TLS, which begins after the handshake of mux: off (with tls: TLS from the first byte), desired, or required.",
    v.optional(v.picklist(tlsLevels, "expected off, desired or required"), "off"),
  ),
  maxOutstanding: says(
    "Calls in progress per connection; further calls are refused immediately and may be sent again.",
    v.optional(integer(1, 8_388_606), 16_384),
  ),
  maxHeldKB: says(
    "Bytes of all calls in progress per connection; further calls are refused immediately and may be sent again.",
    v.optional(integer(1), 65_536),
  ),
  maxUnsentKB: says(
    "Unread responses per connection: from a quarter of this on no further call is read; beyond it the connection is closed.",
    v.optional(integer(4), 131_072),
  ),
  stallTimeoutMs: says(
    "A caller that reads nothing of its responses for this long is disconnected.",
    v.optional(milliseconds(), 60_000),
  ),
};

export const clientKeys = {
  opportunisticTls: says(
    "Finagle's TLS, which begins after the handshake of mux: off (with tls: TLS from the first byte), desired, or required.",
    v.optional(v.picklist(tlsLevels, "expected off, desired or required"), "off"),
  ),
  pingIntervalMs: says(
    "Interval between pings (Tping) of each endpoint; 0: no pings.",
    v.optional(milliseconds(), 5000),
  ),
  pingTimeoutMs: says(
    "An endpoint that does not reply to a ping within this time is disconnected; its calls fail.",
    v.optional(integer(1), 4000),
  ),
  maxOutstanding: says(
    "Calls in progress per endpoint; further calls go to another endpoint or are refused.",
    v.optional(integer(1, 8_388_606), 65_536),
  ),
};

export const serviceKeys = {
  idempotent: says(
    "Calls of this name may be sent twice: they may be hedged, and sent again when a connection breaks.",
    v.optional(truth(), false),
  ),
};

const routerConfig = v.object(routerKeys);
const serverConfig = v.object(serverKeys);
const clientConfig = v.object(clientKeys);
const serviceConfig = v.object(serviceKeys);

/** What the keys give once parsed; a section has the keys of all protocols besides. */
export type RouterConfig = v.InferOutput<typeof routerConfig>;
export type ServerConfig = v.InferOutput<typeof serverConfig>;
export type ClientConfig = v.InferOutput<typeof clientConfig>;
export type ServiceConfig = v.InferOutput<typeof serviceConfig>;

/** The keys that servers and clients share. */
export type MessageSizes = Pick<RouterConfig, "maxFrameKB" | "maxFragmentKB">;
