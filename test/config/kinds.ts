// Kinds for tests of the configuration: the shapes of real plugins, without what they do.
import * as v from "valibot";
import { dtab, integer, path, port } from "../../src/core/schema.ts";
import type { Kind, Kinds, ProtocolKind } from "../../src/config/kinds.ts";

function kind(name: string, entries: v.ObjectEntries = {}): Kind {
  return { kind: name, schema: v.strictObject({ kind: v.literal(name), ...entries }) };
}

const backoff = () =>
  v.variant("kind", [
    v.strictObject({ kind: v.literal("constant"), ms: v.optional(integer(0), 0) }),
    v.pipe(
      v.strictObject({ kind: v.literal("jittered"), minMs: integer(0), maxMs: integer(0) }),
      v.check(({ minMs, maxMs }) => minMs <= maxMs, "expected minMs <= maxMs"),
    ),
  ]);

const http: ProtocolKind = {
  name: "http",
  defaultPort: 4140,
  identifiers: [
    kind("io.l5d.header.token", { header: v.optional(v.string(), "Host") }),
    kind("io.l5d.methodAndHost", { httpUriInDst: v.optional(v.boolean(), false) }),
    kind("io.l5d.path", { segments: v.optional(integer(1), 1) }),
    kind("io.l5d.static", { path: path() }),
  ],
  defaultIdentifier: "io.l5d.header.token",
  classifiers: [kind("io.l5d.http.nonRetryable5XX"), kind("io.l5d.http.allSuccessful")],
  defaultClassifier: "io.l5d.http.nonRetryable5XX",
  routerKeys: {
    httpAccessLog: v.optional(v.string()),
    maxHeadersKB: v.optional(integer(1), 8),
    streamingEnabled: v.optional(v.boolean(), true),
    streamAfterContentLengthKB: v.optional(integer(0)),
  },
  serverKeys: { maxCallDepth: v.optional(integer(1), 1000) },
  clientKeys: {},
  serviceKeys: {},
};

const echo: ProtocolKind = {
  name: "echo",
  defaultPort: 7,
  identifiers: [kind("io.l5d.echo")],
  defaultIdentifier: "io.l5d.echo",
  classifiers: [kind("io.l5d.echo.any")],
  defaultClassifier: "io.l5d.echo.any",
  routerKeys: { loudness: v.optional(integer(0, 11), 3) },
  serverKeys: {},
  clientKeys: { retryBufferKB: v.optional(integer(1), 64) },
  serviceKeys: { quietly: v.optional(v.boolean(), false) },
};

export const kinds: Kinds = {
  protocols: [http, echo],
  namers: [
    kind("io.l5d.fs", { rootDir: v.string() }),
    kind("io.l5d.rewrite", { prefix: path(), pattern: v.string(), name: v.string() }),
    kind("io.l5d.guarded", { token: v.optional(integer(0)), host: v.optional(v.string()) }),
  ],
  interpreters: [
    kind("default"),
    kind("io.l5d.fs", { dtabFile: v.string(), dtab: v.optional(dtab()) }),
  ],
  transformers: [kind("io.l5d.localhost"), kind("io.l5d.port", { port: port() })],
  balancers: [
    kind("p2c", { maxEffort: v.optional(integer(1), 5) }),
    kind("ewma", {
      maxEffort: v.optional(integer(1), 5),
      decayTimeMs: v.optional(integer(1), 10_000),
    }),
    kind("roundRobin"),
  ],
  accruals: [
    kind("io.l5d.consecutiveFailures", {
      failures: v.optional(integer(1), 5),
      backoff: v.optional(backoff()),
    }),
    kind("none"),
  ],
  storages: [],
  interfaces: [],
  announcers: [kind("io.l5d.board", { host: v.optional(v.string(), "localhost") })],
  limiters: [kind("io.l5d.gradient")],
  builtInNames: ["inet", "nil"],
  telemeters: [
    kind("io.l5d.prometheus", {
      path: v.optional(v.string(), "/admin/metrics/prometheus"),
      prefix: v.optional(v.string(), ""),
    }),
  ],
};
