// Keys about sockets and connections, shared by servers, clients and the admin server.
import { version } from "node:process";
import * as v from "valibot";
import { integer, says } from "../../core/schema.ts";

const [major = 0, minor = 0] = version.slice(1).split(".").map(Number);
const hasReusePort = major > 23 || (major === 23 && minor >= 1);

export const socketOptions = () =>
  v.strictObject({
    noDelay: says("Sends small writes at once (TCP_NODELAY).", v.optional(v.boolean(), true)),
    keepAlive: says(
      "TCP keep-alive probes; as the system has it unless given.",
      v.optional(v.boolean()),
    ),
    reusePort: says(
      "Lets another process listen on the same port (SO_REUSEPORT), to take over without a gap.",
      v.optional(
        v.pipe(
          v.boolean(),
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
      "Connections that may wait to be accepted; as the system has it unless given.",
      v.optional(integer(1)),
    ),
    readTimeoutMs: says(
      "A connection that gives no byte for so long is closed. Never unless given.",
      v.optional(integer(1)),
    ),
    writeTimeoutMs: says(
      "A connection that takes no byte for so long is closed. Never unless given.",
      v.optional(integer(1)),
    ),
  });

export const session = () =>
  v.strictObject({
    idleTimeMs: says("Closed when unused for so long. Never unless given.", v.optional(integer(1))),
    lifeTimeMs: says(
      "Closed when so old, after the call in progress. Never unless given.",
      v.optional(integer(1)),
    ),
  });
