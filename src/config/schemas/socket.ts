// Keys of sockets and connections, shared by servers, clients and the admin server.
import { version } from "node:process";
import * as v from "valibot";
import { integer, lenient, says, truth } from "../../core/schema.ts";

const [major = 0, minor = 0] = version.slice(1).split(".").map(Number);
const hasReusePort = major > 23 || (major === 23 && minor >= 1);

const unlessAvailable = (wanted: unknown) =>
  wanted !== true || hasReusePort
    ? null
    : {
        readAs: false,
        warning: `has no effect: it needs Node 23.1 or newer, and this is ${version}; a second process cannot listen on the port`,
      };

const alwaysSet = (wanted: unknown) =>
  wanted === false ? { readAs: true, warning: "has no effect: SO_REUSEADDR is always set" } : null;

export const socketOptions = () =>
  v.strictObject({
    noDelay: says("Sends small writes immediately (TCP_NODELAY).", v.optional(truth(), true)),
    keepAlive: says("TCP keep-alive probes. Default: the system's setting.", v.optional(truth())),
    reusePort: says(
      "Lets another process listen on the same port (SO_REUSEPORT), for a takeover without a gap.",
      v.optional(lenient(unlessAvailable, truth()), false),
    ),
    reuseAddr: says("SO_REUSEADDR is always set.", v.optional(lenient(alwaysSet, truth()), true)),
    backlog: says(
      "Connections that may wait to be accepted. Default: the system's setting.",
      v.optional(integer(1)),
    ),
    readTimeoutMs: says(
      "A connection that delivers no byte for this long is closed. Default: never.",
      v.optional(integer(1)),
    ),
    writeTimeoutMs: says(
      "A connection that accepts no byte for this long is closed. Default: never.",
      v.optional(integer(1)),
    ),
  });

export const session = () =>
  v.strictObject({
    idleTimeMs: says(
      "A connection that is unused for this long is closed. Default: never.",
      v.optional(integer(1)),
    ),
    lifeTimeMs: says(
      "A connection this old is closed after the call in progress. Default: never.",
      v.optional(integer(1)),
    ),
  });
