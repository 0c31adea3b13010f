import assert from "node:assert/strict";
import { test } from "node:test";
import { pathLiteral } from "../../src/core/names/path.ts";
import { checkConfig } from "../support/check.ts";
import { showDtab } from "../../src/core/names/dtab.ts";
import { redact } from "../../src/config/redact.ts";
import { kinds } from "./kinds.ts";
import type { Config, RouterConfig } from "../../src/config/config.ts";

function checked(text: string): { config: Config; warnings: readonly string[] } {
  const result = checkConfig(text, "l5d.yaml", kinds);
  assert.ok(result.ok, result.ok ? "" : result.problems.join("\n"));
  return result;
}

function routerOf(text: string): RouterConfig {
  const [router] = checked(text).config.routers;
  assert.ok(router);
  return router;
}

const socket = {
  noDelay: true,
  reusePort: false,
  keepAlive: null,
  backlog: null,
  readTimeoutMs: Infinity,
  writeTimeoutMs: Infinity,
};

const name = pathLiteral("/svc/users");
const id = pathLiteral("/#/io.l5d.fs/users");
const budget = { ttlSecs: 10, minRetriesPerSec: 10, percentCanRetry: 0.2 };

test("the shortest file has every default", () => {
  const { config, warnings } = checked("routers: [{protocol: http, servers: [{}]}]");
  assert.deepEqual(warnings, []);
  const routers = config.routers.map((router) => ({
    ...router,
    service: router.service.of(name),
    client: router.client.of(id),
  }));
  const { document, ...values } = config;
  assert.equal(document.lineOf(["routers", 0]), 1);
  assert.deepEqual(
    { ...values, routers },
    {
      admin: {
        host: "127.0.0.1",
        port: 9990,
        shutdownGraceMs: 10_000,
        security: null,
        tls: null,
        tokenPath: null,
        isReadOnly: false,
        httpIdentifierPort: null,
        socket,
        announce: [],
        announcers: [],
      },
      fleet: null,
      limits: { maxConnections: Infinity, maxBufferedBytes: null, shedAboveLagMs: Infinity },
      logLevel: "info",
      namers: [],
      nameServer: null,
      telemetry: [],
      routers: [
        {
          protocol: "http",
          label: "http",
          dstPrefix: "/svc",
          dtab: [],
          bindingTimeoutMs: 10_000,
          bindingCache: { paths: 1000, trees: 1000, bounds: 1000, clients: 1000, idleTtlSecs: 600 },
          maxServiceNames: 1000,
          interpreter: { config: { kind: "default", transformers: [] }, transformers: [] },
          identifiers: [{ kind: "io.l5d.header.token", header: "Host" }],
          originator: false,
          allowSelfCalls: false,
          announcers: [],
          clientTls: [],
          tlsPlaces: new Map(),
          servers: [
            {
              allow: null,
              host: "127.0.0.1",
              port: 4140,
              socket,
              tls: null,
              gate: null,
              idleTimeMs: Infinity,
              lifeTimeMs: Infinity,
              maxConcurrentRequests: Infinity,
              halfCloseGraceMs: 1_000,
              clearContext: false,
              callerDtabLimits: { maxBytes: 4096, maxEntries: 100 },
              callerDtab: { mode: "all", allow: [] },
              timeoutMs: Infinity,
              announce: [],
              config: { maxCallDepth: 1000 },
            },
          ],
          service: {
            totalTimeoutMs: Infinity,
            responseClassifier: { kind: "io.l5d.http.nonRetryable5XX" },
            rateLimit: null,
            retries: { budget, backoff: { kind: "constant", ms: 0 }, maxAttempts: 3 },
            config: {},
          },
          client: {
            loadBalancer: { kind: "p2c", maxEffort: 5 },
            failureAccrual: { kind: "io.l5d.consecutiveFailures", failures: 5 },
            requestAttemptTimeoutMs: Infinity,
            filters: {
              rateLimit: null,
              concurrency: null,
              nackAdmission: null,
              hedge: null,
              failFast: false,
              faults: null,
            },
            requeueBudget: budget,
            tls: null,
            dial: {
              connectTimeoutMs: 1000,
              socket,
              minConnections: 0,
              maxConnections: Infinity,
              maxWaiters: 1000,
              maxWaitMs: 10_000,
              poolIdleMs: 60_000,
              idleTimeMs: Infinity,
              lifeTimeMs: Infinity,
              config: {},
            },
          },
          config: { maxHeadersKB: 8, streamingEnabled: true },
        },
      ],
      raw: { routers: [{ protocol: "http", servers: [{}] }] },
    },
  );
});

test("a file that sets everything gives what it set", () => {
  const router = routerOf(`
admin: { ip: 0.0.0.0, port: 9000, shutdownGraceMs: 1, socketOptions: { backlog: 5 } }
log: { level: debug }
usage: { enabled: false }
routers:
- protocol: echo
  label: shout
  dstPrefix: /e
  dtab: /e => /#/io.l5d.fs
  bindingTimeoutMs: 5
  bindingCache: { paths: 1, trees: 2, bounds: 3, clients: 4, idleTtlSecs: 5 }
  originator: true
  loudness: 11
  interpreter:
    kind: io.l5d.fs
    dtabFile: /d
    transformers:
    - { kind: io.l5d.port, port: 80 }
    - { kind: io.l5d.localhost, prefix: /here }
  servers:
  - ip: "::1"
    port: 0
    maxConcurrentRequests: 9
    timeoutMs: 8
    clearContext: true
    serverSession: { idleTimeMs: 1, lifeTimeMs: 2 }
    socketOptions: { noDelay: false, keepAlive: true, reusePort: false, reuseAddr: true, readTimeoutMs: 3, writeTimeoutMs: 4 }
  service: { kind: io.l5d.global, totalTimeoutMs: 100, quietly: true }
  client:
    kind: io.l5d.global
    loadBalancer: { kind: ewma, decayTimeMs: 1 }
    failureAccrual: { kind: none }
    failFast: false
    requestAttemptTimeoutMs: 10
    connectTimeoutMs: 20
    retryBufferKB: 128
    hostConnectionPool: { minSize: 1, maxSize: 2, idleTimeMs: 3, maxWaiters: 4 }
    clientSession: { idleTimeMs: 5, lifeTimeMs: 6 }
    socketOptions: { keepAlive: false }
`);
  assert.equal(showDtab(router.dtab), "/e=>/#/io.l5d.fs");
  assert.deepEqual(router.config, { loudness: 11 });
  assert.deepEqual(router.service.of(name).config, { quietly: true });
  assert.deepEqual(
    router.interpreter.transformers.map(({ idPrefix, config }) => [idPrefix, config["port"]]),
    [
      ["/%/io.l5d.port", 80],
      ["/%/here", undefined],
    ],
  );
  assert.deepEqual(router.servers[0]?.socket, {
    noDelay: false,
    keepAlive: true,
    reusePort: false,
    backlog: null,
    readTimeoutMs: 3,
    writeTimeoutMs: 4,
  });
  const { dial, ...client } = router.client.of(id);
  assert.equal(client.requestAttemptTimeoutMs, 10);
  assert.deepEqual([dial.connectTimeoutMs, dial.minConnections, dial.maxConnections], [20, 1, 2]);
  assert.deepEqual(
    [dial.poolIdleMs, dial.maxWaiters, dial.idleTimeMs, dial.lifeTimeMs],
    [3, 4, 5, 6],
  );
  assert.deepEqual(dial.config, { retryBufferKB: 128 });
});

test("limits of calls are switched off by 0 and negative values", () => {
  const router = routerOf(
    "routers: [{protocol: http, servers: [{}], service: {totalTimeoutMs: 0}, client: {requestAttemptTimeoutMs: -1}}]",
  );
  assert.equal(router.service.of(name).totalTimeoutMs, Infinity);
  assert.equal(router.client.of(id).requestAttemptTimeoutMs, Infinity);
});

test("namers get their place below /# by kind, by prefix, or by a prefix of their own schema", () => {
  const { config } = checked(`
namers:
- { kind: io.l5d.fs, rootDir: a }
- { kind: io.l5d.fs, rootDir: b, prefix: /other, transformers: [{ kind: io.l5d.localhost }] }
- { kind: io.l5d.rewrite, prefix: /rw, pattern: "/{x}", name: "/y" }
routers: [{ protocol: http, servers: [{}] }]
`);
  assert.deepEqual(
    config.namers.map(({ id, transformers }) => [id, transformers.length]),
    [
      ["/#/io.l5d.fs", 0],
      ["/#/other", 1],
      ["/#/rw", 0],
    ],
  );
});

test("identifiers may be one or a list, in order", () => {
  const router = routerOf(
    "routers: [{protocol: http, servers: [{}], identifier: [{kind: io.l5d.path, segments: 2}, {kind: io.l5d.header.token}]}]",
  );
  assert.deepEqual(router.identifiers, [
    { kind: "io.l5d.path", segments: 2 },
    { kind: "io.l5d.header.token", header: "Host" },
  ]);
});

const article = `
routers:
- protocol: http
  label: incoming
  servers: [{ port: 4140 }]
  baseDtab: |
    /local => /$/inet/127.1/80;
    /http/1.1/*/* => /local ;
- protocol: http
  label: outgoing
  servers: [{ port: 4141 }]
  baseDtab: |
    /http/1.1/* => /#/io.l5d.fs/dc1;
namers:
- kind: io.l5d.fs
  rootDir: disco
`;

test("baseDtab brings the defaults of its time, and one warning per file", () => {
  const { config, warnings } = checked(article);
  assert.deepEqual(warnings, [
    "l5d.yaml:6:3 routers[0].baseDtab: this router speaks the dialect before Linkerd 1.0, as does routers[1]: identifier defaults to io.l5d.methodAndHost and dstPrefix to the protocol's name, so names look like /http/1.1/GET/my-service; to keep that in today's dialect, rename baseDtab to dtab and write both keys",
  ]);
  for (const router of config.routers) {
    assert.equal(router.dstPrefix, "/http");
    assert.deepEqual(router.identifiers, [{ kind: "io.l5d.methodAndHost", httpUriInDst: false }]);
  }
  assert.deepEqual(
    config.routers.map(({ dtab }) => showDtab(dtab)),
    ["/local=>/$/inet/127.1/80;/http/1.1/*/*=>/local", "/http/1.1/*=>/#/io.l5d.fs/dc1"],
  );
});

test("what a router of the old dialect says itself is kept", () => {
  const router = routerOf(
    "routers: [{protocol: http, servers: [{}], baseDtab: /x => /y, dstPrefix: /ext, identifier: {kind: io.l5d.path}}]",
  );
  assert.equal(router.dstPrefix, "/ext");
  assert.deepEqual(router.identifiers, [{ kind: "io.l5d.path", segments: 1 }]);
});

test("a protocol without methodAndHost keeps its identifier in the old dialect", () => {
  const { config, warnings } = checked(
    "routers: [{protocol: echo, servers: [{}], baseDtab: /x => /y}]",
  );
  assert.equal(config.routers[0]?.dstPrefix, "/echo");
  assert.deepEqual(config.routers[0]?.identifiers, [{ kind: "io.l5d.echo" }]);
  assert.match(warnings[0] ?? "", /names look like \/echo\/…;/);
});

test("JSON gives the same as YAML", () => {
  const yaml = checked(article).config;
  const { document: _, ...json } = checked(JSON.stringify(yaml.raw, null, "\t")).config;
  const { document: __, ...expected } = yaml;
  assert.deepEqual(json, expected);
});

test("a file to show holds no secret, and says where one is", () => {
  const raw = {
    namers: [{ kind: "io.l5d.consul", token: "hunter2", tls: { keyPath: "/k", password: ["x"] } }],
    telemetry: [{ kind: "otlp", headers: { "x-team": "hunter2" } }, { headers: ["x-tenant"] }],
    token: null,
  };
  assert.deepEqual(redact(raw), {
    namers: [
      {
        kind: "io.l5d.consul",
        token: "[redacted]",
        tls: { keyPath: "/k", password: "[redacted]" },
      },
    ],
    telemetry: [{ kind: "otlp", headers: { "x-team": "[redacted]" } }, { headers: ["x-tenant"] }],
    token: null,
  });
});
