// How a Thrift call gets its name: from its headers, its service or its method.
//
//   routers:
//   - protocol: thrift
//     dtab: /svc => /$/inet/127.1/9090 ;
//     thriftMethodInDst: true          # ping -> /svc/ping, Calc:add -> /svc/Calc/add
//     identifier:
//     - kind: io.l5d.thrift.header     # with thriftTransport: header
//       header: service                # /svc + what the THeader key `service` holds
//     - kind: io.l5d.thrift            # the default
//     - kind: io.l5d.static            # /svc/everything-else
//       path: everything-else
//     servers: [{ port: 4114 }]
import * as v from "valibot";
import { staticPath } from "../../src/core/identifier.ts";
import { memoized } from "../../src/core/memo.ts";
import { join, parsePath, pathOfShown, root, segmentOf } from "../../src/core/names/path.ts";
import { plugin } from "../../src/core/plugin.ts";
import type { Path } from "../../src/core/names/path.ts";
import type { Identifier, IdentifierPlugin, Unidentified } from "../../src/core/identifier.ts";
import type { ThriftRequest } from "./message.ts";

export const defaultIdentifier = "io.l5d.thrift";

/** Names that an identifier remembers: a known name costs one lookup and no new string. */
const maxNames = 8192;

/** `dstPrefix`, then the destination of an upgraded caller, then the parts of the message's name. */
const byName: IdentifierPlugin<ThriftRequest> = plugin({
  kind: defaultIdentifier,
  schema: v.strictObject({ kind: v.literal(defaultIdentifier) }),
  create(_, { prefix }): Identifier<ThriftRequest> {
    const withMethod = memoized(maxNames, (name) => join(prefix, suffixOf(name, true)));
    const withService = memoized(maxNames, (name) => join(prefix, suffixOf(name, false)));
    return ({ method, isNamedByMethod, dest }) => {
      if (dest !== root) return join(join(prefix, dest), suffixOf(method, isNamedByMethod));
      if (isNamedByMethod) return withMethod(method);
      return method.includes(":") ? withService(method) : prefix;
    };
  },
});

/**
 * The service of `Service:method` is always part of the name; the method, and a name of any other
 * form, is with `thriftMethodInDst`. Trailing empty parts are not parts (Java's `split`).
 */
function suffixOf(name: string, isNamedByMethod: boolean): Path {
  const parts = name.replace(/:+$/, "").split(":");
  const [service = "", method = ""] = parts;
  if (parts.length !== 2 || service === "") return isNamedByMethod ? pieces(name) : root;
  return isNamedByMethod ? join(pieces(service), pieces(method)) : pieces(service);
}

/** A slash in a name separates segments; every other character becomes part of one. */
function pieces(text: string): Path {
  return pathOfShown(
    text
      .split("/")
      .filter((piece) => piece !== "")
      .map(segmentOf),
  );
}

const byHeader: IdentifierPlugin<ThriftRequest> = plugin({
  kind: "io.l5d.thrift.header",
  schema: v.strictObject({
    kind: v.literal("io.l5d.thrift.header"),
    header: v.optional(
      v.pipe(v.string("expected the name of a header"), v.nonEmpty("expected a name")),
      "l5d-name",
    ),
  }),
  create({ header }, { prefix }): Identifier<ThriftRequest> {
    const isAbsent: Unidentified = {
      unidentified: `the call has no header ${header} (headers come with thriftTransport: header)`,
    };
    const nameOf = memoized<Path | Unidentified>(maxNames, (text) => {
      if (!text.startsWith("/")) return join(prefix, pathOfShown([segmentOf(text)]));
      const parsed = parsePath(text);
      if (parsed.ok) return join(prefix, parsed.value);
      const unidentified = `header ${header} is not a path: ${parsed.error.message}`;
      return { unidentified, isFinal: true };
    });
    return ({ transportHeaders }) => {
      const text = transportHeaders.header?.fields.get(header);
      return text === undefined || text === "" ? isAbsent : nameOf(text);
    };
  },
});

const fixed: IdentifierPlugin<ThriftRequest> = plugin({
  kind: "io.l5d.static",
  schema: v.strictObject({ kind: v.literal("io.l5d.static"), path: staticPath() }),
  create({ path }, { prefix }): Identifier<ThriftRequest> {
    const name = join(prefix, path);
    return () => name;
  },
});

export const identifiers: readonly IdentifierPlugin<ThriftRequest>[] = [byName, byHeader, fixed];
