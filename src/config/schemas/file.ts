// The fixed keys of a configuration file, their defaults and what they mean. Kinds come in.
import { isIP } from "node:net";
import * as v from "valibot";
import { dtab, integer, milliseconds, path, port, says } from "../../core/schema.ts";
import { clientEntries, serviceEntries } from "./policy.ts";
import { limits } from "./overload.ts";
import { policySection } from "../policy.ts";
import type { PolicySection } from "../policy.ts";
import { session, socketOptions } from "./socket.ts";
import { experimental, oneOf, oneOrMany, variant } from "../kinds.ts";
import type { GenericSchema } from "../../core/schema.ts";
import type { Kinds, ProtocolKind } from "../kinds.ts";

/** The whole file. Built once for a check: it holds every key of every kind. */
export function fileSchema(kinds: Kinds) {
  const shared = sharedRouterEntries(kinds);
  const routers = kinds.protocols.map((protocol) => routerSchema(kinds, protocol, shared));
  const atLeastOne = "expected at least one router";
  return v.strictObject({
    admin: says("The admin server: metrics, state, shutdown.", v.optional(adminSchema(), {})),
    limits: says("Limits of the whole process.", v.optional(limits(), {})),
    log: says("The log of the process itself.", v.optional(logSchema(), {})),
    namers: says(
      "Service discovery. The last namer whose prefix matches is asked first.",
      v.optional(v.array(namerSchema(kinds)), []),
    ),
    routers: says(
      "One for each protocol and direction of traffic; each has its own servers.",
      v.pipe(
        v.array(variant("protocol", routers), "expected a list of routers"),
        v.nonEmpty(atLeastOne),
      ),
    ),
    telemetry: says("What takes metrics out.", v.optional(v.array(oneOf(kinds.telemeters)), [])),
    usage: says(
      "Only for files written for Linkerd 1: nothing is ever reported to anybody.",
      v.optional(v.strictObject({ enabled: v.literal(false, neverReports) })),
    ),
  });
}

const neverReports = "usage is never reported to anybody: write enabled: false, or delete usage";

const adminSchema = () =>
  v.strictObject({
    ip: says("Address to listen on; an IP, not a name.", v.optional(ip(), "127.0.0.1")),
    port: says("TCP port; 0 picks a free one.", v.optional(port(), 9990)),
    shutdownGraceMs: says(
      "How long calls in flight may take to end when the process is told to stop.",
      v.optional(milliseconds(), 10_000),
    ),
    socketOptions: says("Options of its sockets.", v.optional(socketOptions(), {})),
  });

const logSchema = () =>
  v.strictObject({
    level: says(
      "Events of this weight and above are logged.",
      v.optional(v.picklist(["debug", "info", "warn", "error"]), "info"),
    ),
  });

const ip = () => {
  const expected = "expected an IP address such as 127.0.0.1, 0.0.0.0 or ::1 (a name is none)";
  return v.pipe(
    v.string(expected),
    v.check((text) => isIP(text) > 0, expected),
  );
};

/** Keys that every namer has beside its own. */
const namerSchema = (kinds: Kinds) =>
  oneOf(kinds.namers, (kind) => ({
    prefix: says("Names below /# and this path are its own.", v.optional(path(), `/${kind}`)),
    transformers: transformers(kinds),
  }));

const transformers = (kinds: Kinds) =>
  says(
    "Applied in this order to the addresses that were found.",
    v.optional(
      v.array(
        oneOf(kinds.transformers, (kind) => ({
          prefix: says("Names it in ids, below /%.", v.optional(path(), `/${kind}`)),
        })),
      ),
      [],
    ),
  );

/** Keys that are the same for every protocol. */
const sharedRouterEntries = (kinds: Kinds) => ({
  dtab: says("How names are rewritten; later entries win.", v.optional(dtab())),
  baseDtab: v.pipe(
    v.optional(dtab()),
    v.description("`dtab` in the dialect before Linkerd 1.0, with that dialect's defaults."),
    v.metadata({ deprecated: true }),
  ),
  dstPrefix: says("The beginning of every name the router makes.", v.optional(path(), "/svc")),
  bindingTimeoutMs: says(
    "How long a call may wait until its name is resolved and a connection is free.",
    v.optional(milliseconds(), 10_000),
  ),
  bindingCache: says("How much is kept of names in use.", v.optional(bindingCache(), {})),
  maxServiceNames: says(
    "Names that get metrics of their own; all others share one scope.",
    v.optional(integer(1), 1000),
  ),
  interpreter: says(
    "What applies the dtab.",
    v.optional(
      oneOf(kinds.interpreters, () => ({ transformers: transformers(kinds) })),
      { kind: "default" },
    ),
  ),
  announcers: says(
    "What tells others of servers that have `announce`.",
    v.optional(
      v.array(
        oneOf(kinds.announcers, (kind) => ({
          prefix: says("Names below /# and this path are its own.", v.optional(path(), `/${kind}`)),
        })),
      ),
      [],
    ),
  ),
  originator: says(
    "Exports the gauge `originator`: this router is where calls enter the mesh.",
    v.optional(v.boolean(), false),
  ),
  experimental: experimental(),
});

const bindingCache = () =>
  v.strictObject({
    paths: cacheSize("Names"),
    trees: says(noEffect, v.optional(integer(1), 1000)),
    bounds: says(noEffect, v.optional(integer(1), 1000)),
    clients: cacheSize("Clients, with their connections"),
    idleTtlSecs: says("What nobody used for so long is closed.", v.optional(integer(1), 600)),
  });

const noEffect = "Accepted for files written for Linkerd 1; without effect.";

const cacheSize = (of: string) => says(`${of} kept at most.`, v.optional(integer(1), 1000));

const routerEntries = (
  kinds: Kinds,
  protocol: ProtocolKind,
  shared: ReturnType<typeof sharedRouterEntries>,
) => ({
  protocol: says("What it speaks, on both sides.", v.literal(protocol.name)),
  label: says(
    "Its name in metrics and logs; unique in the file.",
    v.optional(
      v.pipe(v.string("expected text"), v.nonEmpty("expected text that is not empty")),
      protocol.name,
    ),
  ),
  ...shared,
  identifier: says(
    "How a request gets its name; of several, the first that finds one counts.",
    v.optional(oneOrMany(oneOf(protocol.identifiers)), { kind: protocol.defaultIdentifier }),
  ),
  servers: says(
    "Where it listens.",
    v.pipe(
      v.array(serverSchema(protocol), "expected a list of servers"),
      v.nonEmpty("expected at least one server"),
    ),
  ),
  service: says(
    "Policy for names, above load balancing.",
    v.optional(
      policySection(
        { ...serviceEntries(protocol), ...protocol.serviceKeys },
        "The beginning of the names it is for, such as /svc/users or /svc/*/{part}.",
      ),
      {},
    ),
  ),
  client: says(
    "Policy for endpoints, below load balancing.",
    v.optional(
      policySection(
        { ...clientEntries(kinds), ...protocol.clientKeys },
        "The beginning of the client ids it is for, such as /#/io.l5d.fs/users or /$/inet.",
      ),
      {},
    ),
  ),
});

function routerSchema(
  kinds: Kinds,
  protocol: ProtocolKind,
  shared: ReturnType<typeof sharedRouterEntries>,
): GenericSchema {
  return v.strictObject({ ...routerEntries(kinds, protocol, shared), ...protocol.routerKeys });
}

const serverEntries = (protocol: ProtocolKind) => ({
  ip: says(
    "Address to listen on; an IP, not a name. 0.0.0.0: all of IPv4.",
    v.optional(ip(), "127.0.0.1"),
  ),
  port: says("TCP port; 0 picks a free one.", v.optional(port(), protocol.defaultPort)),
  maxConcurrentRequests: says(
    "Requests at a time; one more is refused at once. Unlimited unless given.",
    v.optional(integer(1)),
  ),
  timeoutMs: says(
    "Limit for a request as this server sees it. None unless given.",
    v.optional(integer(1)),
  ),
  clearContext: says(
    "Throws away the dtabs, deadlines and traces that callers send.",
    v.optional(v.boolean(), false),
  ),
  announce: says(
    "Names under which the router's announcers tell of it, such as /#/io.l5d.consul/users.",
    v.optional(v.array(path(), "expected a list of names, such as [/#/io.l5d.consul/users]"), []),
  ),
  serverSession: says("Limits of a connection.", v.optional(session(), {})),
  socketOptions: says("Options of its sockets.", v.optional(socketOptions(), {})),
});

const serverSchema = (protocol: ProtocolKind) =>
  v.strictObject({ ...serverEntries(protocol), ...protocol.serverKeys });

type Output<E extends v.ObjectEntries> = v.InferOutput<v.StrictObjectSchema<E, undefined>>;

export type CheckedFile = Omit<v.InferOutput<ReturnType<typeof fileSchema>>, "routers">;
export type CheckedRouter = Omit<Output<ReturnType<typeof routerEntries>>, "service" | "client"> & {
  readonly service: PolicySection<CheckedService>;
  readonly client: PolicySection<CheckedClient>;
};
export type CheckedServer = Output<ReturnType<typeof serverEntries>>;
export type CheckedService = Output<ReturnType<typeof serviceEntries>>;
export type CheckedClient = Output<ReturnType<typeof clientEntries>>;
