// Keys of sockets and connections, shared by servers, clients and the admin server.
import { version } from "node:process";
import * as v from "valibot";
import { integer, says, truth } from "../../core/schema.ts";

const [major = 0, minor = 0] = version.slice(1).split(".").map(Number);
const hasReusePort = major > 23 || (major === 23 && minor >= 1);

export const socketOptions = () =>
  v.strictObject({
    noDelay: says("Sends small writes immediately (TCP_NODELAY).", v.optional(truth(), true)),
    keepAlive: says("TCP keep-alive probes. Default: the system's setting.", v.optional(truth())),
    reusePort: says(
      "Lets another process listen on the same port (SO_REUSEPORT), for a takeover without a gap.",
      v.optional(
        v.pipe(
          truth(),
          v.check(
            (wanted) => !wanted || hasReusePort,
            `expected false: it needs Node 23.1 or newer; this is ${version}`,
          ),
        ),
        false,
      ),
    ),
    reuseAddr: says(
      "SO_REUSEADDR is always set.",
      v.optional(v.literal(true, "expected true: SO_REUSEADDR is always set here"), true),
    ),
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
