// The keys that mux adds to a router, its servers and its client; docs/mux.md tells of them.
import * as v from "valibot";
import { integer, milliseconds, says, truth } from "../../src/core/schema.ts";
import { accessLogKeys } from "../../src/access-log/keys.ts";

/** 2 GiB less one is the most that a size can say. */
const maxKilobytes = 2 * 1024 * 1024 - 1;

export const routerKeys = {
  maxFrameKB: says(
    "The longest message, in either direction, also when it comes in fragments; longer: the connection is closed.",
    v.optional(integer(1, maxKilobytes), 10_240),
  ),
  maxFragmentKB: says(
    "Peers that can are asked to send messages in pieces of this, so that a long one holds up no short one.",
    v.optional(integer(1, maxKilobytes), 64),
  ),
  muxAccessLog: accessLogKeys.file,
  muxAccessLogFormat: accessLogKeys.format,
  muxAccessLogRollPolicy: accessLogKeys.rollPolicy,
  muxAccessLogAppend: accessLogKeys.append,
  muxAccessLogRotateCount: accessLogKeys.rotateCount,
  errorDetail: says(
    "Who is shown addresses, dtabs and how a name was resolved when a call fails: full: every caller; local: those on the proxy's own host; none: nobody.",
    v.optional(v.picklist(["full", "local", "none"], "expected full, local or none"), "local"),
  ),
};

export const serverKeys = {
  maxOutstanding: says(
    "Calls that one connection may have in progress; one more is refused at once, to be sent again.",
    v.optional(integer(1, 8_388_606), 16_384),
  ),
  maxHeldKB: says(
    "Bytes of all calls in progress of one connection; what goes beyond is refused at once, to be sent again.",
    v.optional(integer(1), 65_536),
  ),
  maxUnsentKB: says(
    "Answers that a caller does not read: a quarter of this and no further call is read; all of it and the connection is closed.",
    v.optional(integer(4), 131_072),
  ),
  stallTimeoutMs: says(
    "A caller that takes nothing of its answers for so long is disconnected.",
    v.optional(milliseconds(), 60_000),
  ),
};

export const clientKeys = {
  pingIntervalMs: says(
    "How often each endpoint is asked whether it is alive (Tping); 0: never.",
    v.optional(milliseconds(), 5000),
  ),
  pingTimeoutMs: says(
    "An endpoint that does not answer a ping for so long is disconnected; its calls fail.",
    v.optional(integer(1), 4000),
  ),
  maxOutstanding: says(
    "Calls that one endpoint may have in progress; one more goes to another endpoint or is refused.",
    v.optional(integer(1, 8_388_606), 65_536),
  ),
};

export const serviceKeys = {
  idempotent: says(
    "Calls of this name do no harm when they are sent twice: they may be hedged, and sent again when a connection breaks.",
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
