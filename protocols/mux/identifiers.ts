// How a mux call gets its name: from its destination, or always the same name.
//
//   routers:
//   - protocol: mux
//     dtab: /svc/users => /$/inet/127.1/8080 ;
//     identifier:
//     - kind: io.l5d.mux.destination   # /svc + the destination of the call, the default
//     servers: [{ port: 4141 }]
import * as v from "valibot";
import { staticPath } from "../../src/core/identifier.ts";
import { memoized } from "../../src/core/memo.ts";
import { join } from "../../src/core/names/path.ts";
import type { Path } from "../../src/core/names/path.ts";
import { plugin } from "../../src/core/plugin.ts";
import type { Identifier, IdentifierPlugin } from "../../src/core/identifier.ts";
import type { MuxRequest } from "./message.ts";

/** Names that an identifier remembers: a known one costs one lookup and no new string. */
const maxNames = 8192;

export const defaultIdentifier = "io.l5d.mux.destination";

/** A Treq has no destination: its name is the prefix alone. */
const destination: IdentifierPlugin<MuxRequest> = plugin({
  kind: defaultIdentifier,
  schema: v.strictObject({ kind: v.literal(defaultIdentifier) }),
  create(_config, { prefix }): Identifier<MuxRequest> {
    const nameOf = memoized<Path>(maxNames, (path) => join(prefix, path as Path));
    return (request) => {
      if (request.unreadable !== null) return { unidentified: request.unreadable };
      return request.dest === "/" ? prefix : nameOf(request.dest);
    };
  },
});

const staticName: IdentifierPlugin<MuxRequest> = plugin({
  kind: "io.l5d.static",
  schema: v.strictObject({ kind: v.literal("io.l5d.static"), path: staticPath() }),
  create({ path }, { prefix }): Identifier<MuxRequest> {
    const name = join(prefix, path);
    return (request) => (request.unreadable === null ? name : { unidentified: request.unreadable });
  },
});

export const identifiers: readonly IdentifierPlugin<MuxRequest>[] = [destination, staticName];
