// The sections of a name server: where dtabs are kept, and how they are asked for.
import { isIP } from "node:net";
import * as v from "valibot";
import { serverTls } from "../../core/tls/schema.ts";
import { port, says } from "../../core/schema.ts";
import { oneOf } from "../kinds.ts";
import type { Kinds } from "../kinds.ts";
import { socketOptions } from "./socket.ts";

/** `storage` and `interfaces`: a file has both or none. */
export const nameServerEntries = (kinds: Kinds) => ({
  storage: says(
    "Where a name server keeps its dtabs. With it, this process is a name server.",
    v.optional(oneOf(kinds.storages)),
  ),
  interfaces: says(
    "How the name server is asked: at least one.",
    v.optional(
      v.pipe(
        v.array(
          oneOf(kinds.interfaces, () => listening),
          "expected a list of interfaces",
        ),
        v.nonEmpty("expected at least one interface"),
      ),
    ),
  ),
});

const ip = () => {
  const expected = "expected an IP address such as 127.0.0.1, 0.0.0.0 or ::1 (not a host name)";
  return v.pipe(
    v.string(expected),
    v.check((text) => isIP(text) > 0, expected),
  );
};

const listening = {
  ip: says("IP address to listen on, not a host name.", v.optional(ip(), "127.0.0.1")),
  port: says("TCP port; 0 picks a free one.", v.optional(port())),
  tls: says("TLS for those who ask. Default: plain text.", v.optional(serverTls())),
  socketOptions: says("Socket options.", v.optional(socketOptions(), {})),
};
