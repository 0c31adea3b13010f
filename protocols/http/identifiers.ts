// How an HTTP request gets its name: from the Host, another header, the method or the path.
//
//   routers:
//   - protocol: http
//     dtab: /svc => /$/inet/127.1/8080 ;
//     identifier:
//     - kind: io.l5d.header          # /svc + the path in the header l5d-name
//     - kind: io.l5d.path            # /users/7 -> /svc/users
//       segments: 1
//       consume: true                # the service sees /7
//     - kind: io.l5d.methodAndHost   # /svc/1.1/GET/example.org
//     - kind: io.l5d.header.token    # /svc/example.org, the default
//       lowerCase: true              # for Host: Example.org, too
//     - kind: io.l5d.static          # /svc/everything-else
//       path: everything-else
//     servers: [{ port: 4140 }]
import * as v from "valibot";
import { staticPath } from "../../src/core/identifier.ts";
import type { Identifier, IdentifierPlugin, Unidentified } from "../../src/core/identifier.ts";
import { memoized } from "../../src/core/memo.ts";
import { append, join, parsePath, pathOfShown, segmentOf } from "../../src/core/names/path.ts";
import type { Path } from "../../src/core/names/path.ts";
import { plugin } from "../../src/core/plugin.ts";
import { integer, says, truth } from "../../src/core/schema.ts";
import { fieldOf } from "./codec/passthrough-fields.ts";
import type { HttpRequest } from "./message.ts";

/** Names that an identifier remembers: a known name costs one lookup and creates no string. */
const maxNames = 8192;

/** Fields that the parser removes, so that an identifier would never find them. */
const unreadable =
  /^(connection|content-length|expect|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade)$/i;

const headerName = () =>
  v.pipe(
    v.string("expected the name of a header"),
    v.regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, "expected the name of a header, such as Host"),
    v.check(
      (name) => !unreadable.test(name),
      (issue) => `${String(issue.input)} says how a message is sent, it cannot name a service`,
    ),
  );

/** Returns a reader for one header, wherever the parser puts it. `header` is case-insensitive. */
function headerReader(header: string): (request: HttpRequest) => string | null {
  const lowerName = header.toLowerCase();
  if (lowerName === "host") return (request) => request.host;
  if (lowerName === "via") return (request) => request.via;
  if (lowerName.startsWith("l5d-")) {
    return (request) => (request.context === null ? null : fieldOf(request.context, lowerName));
  }
  return (request) => fieldOf(request.fields.list, lowerName);
}

const absent = (header: string): Unidentified => ({ unidentified: `${header} header is absent` });

const headerToken: IdentifierPlugin<HttpRequest> = plugin({
  kind: "io.l5d.header.token",
  schema: v.strictObject({
    kind: v.literal("io.l5d.header.token"),
    header: v.optional(headerName(), "Host"),
    lowerCase: says(
      "true: the value in lower case, since host names are case-insensitive; false: as Linkerd.",
      v.optional(truth(), false),
    ),
  }),
  create({ header, lowerCase }, { prefix }): Identifier<HttpRequest> {
    const read = headerReader(header);
    const isAbsent = absent(header);
    const nameOf = memoized(maxNames, (token) =>
      append(prefix, segmentOf(lowerCase ? token.toLowerCase() : token)),
    );
    return (request) => {
      const token = read(request);
      return token === null || token === "" ? isAbsent : nameOf(token);
    };
  },
});

const headerPath: IdentifierPlugin<HttpRequest> = plugin({
  kind: "io.l5d.header",
  schema: v.strictObject({
    kind: v.literal("io.l5d.header"),
    header: v.optional(headerName(), "l5d-name"),
  }),
  create({ header }, { prefix }): Identifier<HttpRequest> {
    const read = headerReader(header);
    const isAbsent = absent(header);
    const nameOf = memoized<Path | Unidentified>(maxNames, (text) => {
      const parsed = parsePath(text);
      if (parsed.ok) return join(prefix, parsed.value);
      const unidentified = `${header} header is not a path: ${parsed.error.message}`;
      return { unidentified, isFinal: true };
    });
    return (request) => {
      const text = read(request);
      return text === null || text === "" ? isAbsent : nameOf(text);
    };
  },
});

const methodAndHost: IdentifierPlugin<HttpRequest> = plugin({
  kind: "io.l5d.methodAndHost",
  schema: v.strictObject({
    kind: v.literal("io.l5d.methodAndHost"),
    httpUriInDst: v.optional(truth(), false),
  }),
  create({ httpUriInDst }, { prefix }): Identifier<HttpRequest> {
    const isAbsent = absent("Host");
    const named = (version: string) => (method: string) =>
      append(append(prefix, version), segmentOf(method));
    // An HTTP/1.0 caller's Host cannot be relied on, so its name ends with the method.
    const nameOf10 = memoized(32, named("1.0"));
    const namesOf11 = memoized(32, (method) => {
      const before = named("1.1")(method);
      return memoized(maxNames >> 2, (host) => append(before, segmentOf(host.toLowerCase())));
    });
    const nameOf = (request: HttpRequest): Path | Unidentified => {
      if (request.version === "1.0") return nameOf10(request.method);
      const host = request.host;
      return host === null || host === "" ? isAbsent : namesOf11(request.method)(host);
    };
    if (!httpUriInDst) return nameOf;
    return (request) => {
      const name = nameOf(request);
      return typeof name === "string" ? join(name, pathOfTarget(request.target)) : name;
    };
  },
});

/** The segments of a target's path, without its query, not decoded. */
function pathOfTarget(target: string): Path {
  const segments = target.slice(0, pathEnd(target)).split("/");
  return pathOfShown(segments.filter((segment) => segment !== "").map(segmentOf));
}

/** The end of the path of a target: its query, or the end of the text. */
function pathEnd(target: string): number {
  const query = target.indexOf("?");
  return query < 0 ? target.length : query;
}

const targetPath: IdentifierPlugin<HttpRequest> = plugin({
  kind: "io.l5d.path",
  schema: v.strictObject({
    kind: v.literal("io.l5d.path"),
    segments: v.optional(integer(1), 1),
    consume: v.optional(truth(), false),
  }),
  create({ segments, consume }, { prefix }): Identifier<HttpRequest> {
    const notEnough: Unidentified = {
      unidentified: `not enough segments in path: a name takes the first ${segments} of it`,
    };
    const nameOf = memoized(maxNames, (text) => join(prefix, pathOfTarget(text)));
    return (request) => {
      const end = endOfSegments(request.target, segments);
      if (end < 0) return notEnough;
      const name = nameOf(request.target.slice(0, end));
      if (consume) request.target = withoutName(request.target, end);
      return name;
    };
  },
});

/** The end of the first `count` segments of a target; -1 when it has fewer. */
function endOfSegments(target: string, count: number): number {
  const limit = pathEnd(target);
  let end = 0;
  for (let found = 0; found < count; found++) {
    if (end >= limit || target.charCodeAt(end) !== 47) return -1; // '/'
    const slash = target.indexOf("/", end + 1);
    const next = slash < 0 || slash > limit ? limit : slash;
    if (next === end + 1) return -1; // `//`: an empty segment names nothing
    end = next;
  }
  return end;
}

/** Keeps the query and a trailing slash; an empty path becomes `/`. */
function withoutName(target: string, end: number): string {
  const rest = target.slice(end);
  return rest.startsWith("/") ? rest : `/${rest}`;
}

const fixed: IdentifierPlugin<HttpRequest> = plugin({
  kind: "io.l5d.static",
  schema: v.strictObject({ kind: v.literal("io.l5d.static"), path: staticPath() }),
  create({ path }, { prefix }): Identifier<HttpRequest> {
    const name = join(prefix, path);
    return () => name;
  },
});

export const defaultIdentifier = "io.l5d.header.token";

export const identifiers: readonly IdentifierPlugin<HttpRequest>[] = [
  headerToken,
  headerPath,
  methodAndHost,
  targetPath,
  fixed,
];
