// The section `admin`, and what it shares with the rest of the file.
import { isIP } from "node:net";
import * as v from "valibot";
import { milliseconds, path, port, says, truth } from "../../core/schema.ts";
import { serverTls } from "../../core/tls/schema.ts";
import { oneOf } from "../kinds.ts";
import type { Kinds } from "../kinds.ts";
import { adminSecurity } from "./security.ts";
import { socketOptions } from "./socket.ts";

/** What runs with a file: routers, a name server, both in one process, or nothing but a fleet. */
export type Described = "proxy" | "name server" | "both" | "fleet";

/** As Linkerd's proxy and its name server; a fleet often runs beside one of them. */
export const adminPorts: Readonly<Record<Described, number>> = {
  proxy: 9990,
  "name server": 9991,
  both: 9990,
  fleet: 9980,
};

/** `has` says whether the file has a section. */
export function describedBy(has: (section: string) => boolean): Described {
  if (has("storage") || has("interfaces")) return has("routers") ? "both" : "name server";
  return has("fleet") && !has("routers") ? "fleet" : "proxy";
}

const expectedTokenFile = "expected the path of a file with a token, not the token itself";

export const adminSchema = (kinds: Kinds, defaultPort: number) =>
  v.strictObject({
    ip: says("IP address to listen on, not a host name.", v.optional(ip(), "127.0.0.1")),
    port: says("TCP port; 0 picks a free one.", v.optional(port(), defaultPort)),
    shutdownGraceMs: says(
      "How long calls in flight may take to end during a shutdown.",
      v.optional(milliseconds(), 10_000),
    ),
    security: says("Which pages are open.", v.optional(adminSecurity())),
    token: says(
      "File with the tokens, one a line, one of which every request must present. Default: none has to.",
      v.optional(v.pipe(v.string(expectedTokenFile), v.nonEmpty(expectedTokenFile))),
    ),
    readOnly: says("Whether pages only show, and change nothing.", v.optional(truth(), false)),
    httpIdentifierPort: says(
      "TCP port that responds to any request with the names that the HTTP routers give it. Default: none.",
      v.optional(port()),
    ),
    tls: says("TLS for the pages. Default: plain text.", v.optional(serverTls())),
    socketOptions: says("Socket options.", v.optional(socketOptions(), {})),
    announce: says(
      "Names under which the admin server is announced, for the fleet page.",
      v.optional(v.array(path()), []),
    ),
    announcers: announcers(kinds, "Where they are registered."),
  });

export const ip = () => {
  const expected = "expected an IP address such as 127.0.0.1, 0.0.0.0 or ::1 (not a host name)";
  return v.pipe(
    v.string(expected),
    v.check((text) => isIP(text) > 0, expected),
  );
};

export const announcers = (kinds: Kinds, meaning: string) =>
  says(
    meaning,
    v.optional(
      v.array(
        oneOf(kinds.announcers, (kind) => ({
          prefix: says("It owns the names below /# and this path.", v.optional(path(), `/${kind}`)),
        })),
      ),
      [],
    ),
  );
