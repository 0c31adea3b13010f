// The fixed keys of a configuration file with their defaults and meanings. The kinds are passed in.
import { defaultCallerDtabLimits } from "../../core/names/caller-dtab-limits.ts";
import * as v from "valibot";
import {
  dtab,
  integer,
  lenient,
  milliseconds,
  path,
  port,
  says,
  truth,
} from "../../core/schema.ts";
import { clientEntries, serviceEntries } from "./policy.ts";
import { limits } from "./overload.ts";
import { policySection } from "../policy.ts";
import type { PolicySection } from "../policy.ts";
import { serverTls } from "../../core/tls/schema.ts";
import { adminPorts, adminSchema, announcers, ip } from "./admin.ts";
import type { Described } from "./admin.ts";
import { fleetSchema } from "./fleet.ts";
import { allow, callerDtab } from "./security.ts";
import { nameServerEntries } from "./name-server.ts";
import { session, socketOptions } from "./socket.ts";
import { experimental, oneOf, oneOrMany, variant } from "../kinds.ts";
import type { Correction, GenericSchema } from "../../core/schema.ts";
import type { Kinds, ProtocolKind } from "../kinds.ts";

/** The schema of the whole file, with every key of every kind. Built once per check. */
export function fileSchema(kinds: Kinds, describes: Described = "proxy") {
  const shared = sharedRouterEntries(kinds);
  const routers = kinds.protocols.map((protocol) => routerSchema(kinds, protocol, shared));
  const atLeastOne = "expected at least one router";
  const list = v.array(variant("protocol", routers), "expected a list of routers");
  return v.strictObject({
    admin: says(
      "The admin server: metrics, state, shutdown.",
      v.optional(adminSchema(kinds, adminPorts[describes]), {}),
    ),
    limits: says("Limits of the whole process.", v.optional(limits(), {})),
    log: says("The log of the process itself.", v.optional(logSchema(), {})),
    namers: says(
      "Service discovery. The last namer whose prefix matches is asked first.",
      v.optional(v.array(namerSchema(kinds)), []),
    ),
    routers: says(
      "One per protocol and direction of traffic, each with its own servers.",
      describes === "proxy" ? v.pipe(list, v.nonEmpty(atLeastOne)) : v.optional(list, []),
    ),
    fleet: says(
      "Instances of switchyard that this process watches, itself or others.",
      v.optional(fleetSchema()),
    ),
    ...nameServerEntries(kinds),
    telemetry: says("How metrics are exported.", v.optional(v.array(oneOf(kinds.telemeters)), [])),
    usage: says(
      "Accepted for files written for Linkerd 1. Usage is never reported.",
      v.optional(lenient(unlessOff, v.looseObject({}))),
    ),
  });
}

/** Usage is never reported, whatever the section says; only `enabled: false` agrees with that. */
function unlessOff(value: unknown): Correction | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  const { enabled } = value as { readonly enabled?: unknown };
  if (enabled === false || enabled === "false") return null;
  return { readAs: {}, warning: "has no effect: usage is never reported to anyone" };
}

const logSchema = () =>
  v.strictObject({
    level: says(
      "Events of this level and above are logged.",
      v.optional(v.picklist(["debug", "info", "warn", "error"]), "info"),
    ),
  });

/** The keys that all namers share. */
const namerSchema = (kinds: Kinds) =>
  oneOf(kinds.namers, (kind) => ({
    prefix: says("It owns the names below /# and this path.", v.optional(path(), `/${kind}`)),
    transformers: transformers(kinds),
  }));

const transformers = (kinds: Kinds) =>
  says(
    "Applied to the resolved addresses, in this order.",
    v.optional(
      v.array(
        oneOf(kinds.transformers, (kind) => ({
          prefix: says("Identifies it in ids, below /%.", v.optional(path(), `/${kind}`)),
        })),
      ),
      [],
    ),
  );

/** The keys of a router that all protocols share. */
const sharedRouterEntries = (kinds: Kinds) => ({
  dtab: says("How names are rewritten; later entries win.", v.optional(dtab())),
  baseDtab: v.pipe(
    v.optional(dtab()),
    v.description("The old name of `dtab`, with the defaults of the dialect before Linkerd 1.0."),
    v.metadata({ deprecated: true }),
  ),
  dstPrefix: says(
    "The prefix of every name that the router's identifiers produce.",
    v.optional(path(), "/svc"),
  ),
  callerDtabLimits: says(
    "How large the dtab of a call may be; a larger one is refused.",
    v.optional(
      v.strictObject({
        maxBytes: says(
          "Bytes of its text.",
          v.optional(integer(0), defaultCallerDtabLimits.maxBytes),
        ),
        maxEntries: says(
          "Entries, such as /svc => /host.",
          v.optional(integer(0), defaultCallerDtabLimits.maxEntries),
        ),
      }),
      {},
    ),
  ),
  callerDtab: says(
    "Which dtabs of callers are accepted: all, names or none. The default is all for servers on loopback, names for others.",
    v.optional(callerDtab(), { allow: [] }),
  ),
  allowSelfCalls: says(
    "Whether names may lead to this router's own servers.",
    v.optional(truth(), false),
  ),
  bindingTimeoutMs: says(
    "How long a call may wait for its name to be resolved and for a free connection.",
    v.optional(milliseconds(), 10_000),
  ),
  bindingCache: says("How many names and clients are cached.", v.optional(bindingCache(), {})),
  maxServiceNames: says(
    "How many names get their own metrics; all others share one scope.",
    v.optional(integer(1), 1000),
  ),
  interpreter: says(
    "How the dtab is applied.",
    v.optional(
      oneOf(kinds.interpreters, () => ({ transformers: transformers(kinds) })),
      { kind: "default" },
    ),
  ),
  announcers: announcers(kinds, "Where servers with `announce` are registered."),
  originator: says(
    "Exports the gauge `originator`, which says that calls enter the mesh at this router.",
    v.optional(truth(), false),
  ),
  experimental: experimental(),
});

const bindingCache = () =>
  v.strictObject({
    paths: cacheSize("names"),
    trees: says(noEffect, v.optional(lenient(cachedWithName, integer(1)), 1000)),
    bounds: says(noEffect, v.optional(lenient(cachedWithName, integer(1)), 1000)),
    clients: cacheSize("clients, with their connections"),
    idleTtlSecs: says("Entries unused for this long are closed.", v.optional(integer(1), 600)),
  });

const cachedWithName = (value: unknown) => ({
  readAs: value,
  warning: "has no effect: a binding is cached with its name",
});

const noEffect = "Accepted for files written for Linkerd 1, without effect.";

const cacheSize = (what: string) =>
  says(`The maximum number of cached ${what}.`, v.optional(integer(1), 1000));

const routerEntries = (
  kinds: Kinds,
  protocol: ProtocolKind,
  shared: ReturnType<typeof sharedRouterEntries>,
) => ({
  protocol: says("The protocol of callers and endpoints.", v.literal(protocol.name)),
  label: says(
    "The router's name in metrics and logs, unique in the file.",
    v.optional(
      v.pipe(v.string("expected text"), v.nonEmpty("expected text that is not empty")),
      protocol.name,
    ),
  ),
  ...shared,
  identifier: says(
    "How requests are named; with several, the first that yields a name wins.",
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
        "The names that this entry applies to, such as /svc/users or /svc/*/{part}.",
      ),
      {},
    ),
  ),
  client: says(
    "Policy for endpoints, below load balancing.",
    v.optional(
      policySection(
        { ...clientEntries(kinds), ...protocol.clientKeys },
        "The client ids that this entry applies to, such as /#/io.l5d.fs/users or /$/inet.",
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
    "IP address to listen on, not a host name. 0.0.0.0 is all of IPv4.",
    v.optional(ip(), "127.0.0.1"),
  ),
  port: says("TCP port; 0 picks a free one.", v.optional(port(), protocol.defaultPort)),
  maxConcurrentRequests: says(
    "The maximum number of concurrent requests; further ones are refused immediately. Default: no limit.",
    v.optional(integer(1)),
  ),
  timeoutMs: says(
    "Time limit for a request, as this server sees it. Default: no limit.",
    v.optional(integer(1)),
  ),
  halfCloseGraceMs: says(
    "How long a caller that has closed its side of the connection may wait for a response to begin. Then its call is cancelled.",
    v.optional(milliseconds(), 1_000),
  ),
  clearContext: says(
    "Ignores the dtabs, deadlines and traces that callers send.",
    v.optional(truth(), false),
  ),
  announce: says(
    "Names under which the router's announcers register this server, such as /#/io.l5d.consul/users.",
    v.optional(v.array(path(), "expected a list of names, such as [/#/io.l5d.consul/users]"), []),
  ),
  tls: says("TLS for callers. Default: plain text.", v.optional(serverTls())),
  allow: says(
    "Which callers may call which names, by their certificates. Default: all callers all names.",
    v.optional(allow()),
  ),
  serverSession: says("Limits of a connection.", v.optional(session(), {})),
  socketOptions: says("Socket options.", v.optional(socketOptions(), {})),
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
