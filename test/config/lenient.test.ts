// Files that Linkerd 1 accepted, and that lose nothing here: a warning says what happens instead.
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkConfig } from "../support/check.ts";
import { kinds } from "./real-kinds.ts";

/** The warnings of a file, which must be good, without file name and place. */
function warningsOf(text: string): string[] {
  const checked = checkConfig(text, "f", kinds);
  assert.ok(checked.ok, checked.ok ? "" : checked.problems.join("\n"));
  return checked.warnings.map((line) => line.replace(/^f:\d+:\d+ /, ""));
}

function configOf(text: string) {
  const checked = checkConfig(text, "f", kinds);
  assert.ok(checked.ok, checked.ok ? "" : checked.problems.join("\n"));
  return checked.config;
}

function withRouter(keys: string, protocol = "http"): string {
  return `routers: [{ protocol: ${protocol}, servers: [{}], ${keys} }]`;
}

const good = withRouter("");
const usage = "usage: has no effect: usage is never reported to anyone";
const isDefault = "has no effect: it repeats the default";

const accepted: readonly (readonly [what: string, text: string, warnings: readonly string[]])[] = [
  ["usage: off", `usage: { enabled: false }\n${good}`, []],
  ["usage: on", `usage: { enabled: true, orgId: acme }\n${good}`, [usage]],
  ["usage: an organization alone", `usage: { orgId: acme }\n${good}`, [usage]],
  ["usage: nothing said", `usage: {}\n${good}`, [usage]],
  ["usage: no value", `usage:\n${good}`, []],
  [
    "usage: as a telemeter",
    `telemetry: [{ kind: io.l5d.usage, orgId: acme, dryRun: true }]\n${good}`,
    ["telemetry[0]: has no effect: usage is never reported to anyone"],
  ],
  [
    "reuseAddr: false",
    `admin: { socketOptions: { reuseAddr: false } }\n${good}`,
    ["admin.socketOptions.reuseAddr: has no effect: SO_REUSEADDR is always set"],
  ],
  [
    "thriftFramed on a ThriftMux server",
    "routers: [{ protocol: thriftmux, servers: [{ thriftFramed: false }] }]",
    [
      "routers[0].servers[0].thriftFramed: has no effect: the server detects whether a caller frames its messages",
    ],
  ],
  [
    "slashes of prefixes",
    withRouter(
      "service: { kind: io.l5d.static, configs: [{ prefix: svc/users }, { prefix: /svc/users/ }, { prefix: / }] }",
    ),
    [
      "routers[0].service.configs[0].prefix: is read as /svc/users: a prefix begins with a slash and does not end with one",
      "routers[0].service.configs[1].prefix: is read as /svc/users: a prefix begins with a slash and does not end with one",
    ],
  ],
  [
    "a name to announce without announcers",
    "routers: [{ protocol: http, servers: [{ announce: [/#/io.l5d.serversets/a] }] }]",
    [
      "routers[0].servers[0].announce[0]: is never announced: the router has no announcers, such as { kind: io.l5d.consul }",
    ],
  ],
  [
    "a name to announce that no announcer handles",
    "routers: [{ protocol: http, announcers: [{ kind: io.l5d.consul }], servers: [{ announce: [/#/io.l5d.serversets/a, /#/io.l5d.consul/a] }] }]",
    [
      "routers[0].servers[0].announce[0]: is never announced: the announcers of the router handle names below /#/io.l5d.consul",
    ],
  ],
  [
    "Linkerd's trace propagators",
    "routers: [{ protocol: http, label: a, tracePropagator: { kind: io.l5d.default, experimental: true }, servers: [{ port: 0 }] }, { protocol: http, label: b, tracePropagator: { kind: io.l5d.zipkin }, servers: [{ port: 0 }] }]",
    [],
  ],
  [
    "the default trace propagator of a protocol without a choice",
    "routers: [{ protocol: mux, tracePropagator: { kind: io.l5d.default }, servers: [{ port: 0 }] }]",
    [`routers[0].tracePropagator: ${isDefault}`],
  ],
  [
    "TLS to endpoints that is switched off",
    withRouter(
      "client: { kind: io.l5d.static, configs: [{ prefix: /, tls: { enabled: false, commonName: a } }] }",
    ),
    [],
  ],
  [
    "Zipkin's Scribe port, which Linkerd used by default",
    `telemetry: [{ kind: io.l5d.zipkin }, { kind: io.l5d.zipkin, host: zipkin, port: 9410, sampleRate: 1.0 }]\n${good}`,
    ["localhost", "zipkin"].map(
      (host, i) =>
        `telemetry[${i}]: is read as port: 9411: spans go as JSON over HTTP to http://${host}:9411/api/v2/spans, since Zipkin has dropped Scribe, which listened on 9410`,
    ),
  ],
  [
    "Zipkin's port for HTTP",
    `telemetry: [{ kind: io.l5d.zipkin, port: 9411 }, { kind: io.zipkin.http, host: "zipkin:9411", hostHeader: zipkin, compressionEnabled: true, initialSampleRate: 0.02 }, { kind: io.l5d.tracelog, level: TRACE }]\n${good}`,
    [],
  ],
  [
    "no request authorizers",
    withRouter("client: { requestAuthorizers: [] }"),
    ["routers[0].client.requestAuthorizers: has no effect: the list is empty"],
  ],
  [
    "no loggers of a client",
    withRouter("client: { loggers: [] }"),
    ["routers[0].client.loggers: has no effect: the list is empty"],
  ],
  [
    "thriftFramed where every message has its length",
    withRouter("client: { thriftFramed: false }"),
    [
      "routers[0].client.thriftFramed: has no effect: only plain Thrift has messages without a length",
    ],
  ],
  ["a key of Linkerd without a value", withRouter("tracePropagator: , client: { tls: }"), []],
  [
    "admin.security",
    `admin: { security: { uiEnabled: true, controlEnabled: false, pathBlacklist: [/x] } }\n${good}`,
    [],
  ],
  [
    "numbers and booleans in quotes",
    `routers: [{ protocol: http, bindingTimeoutMs: "5", servers: [{ port: "0", clearContext: "true" }], client: { requeueBudget: { percentCanRetry: '0.5' } } }]`,
    [
      "routers[0].bindingTimeoutMs: is read as the number 5: leave out the quotes",
      "routers[0].servers[0].port: is read as the number 0: leave out the quotes",
      "routers[0].servers[0].clearContext: is read as the boolean true: write true, without quotes",
      "routers[0].client.requeueBudget.percentCanRetry: is read as the number 0.5: leave out the quotes",
    ],
  ],
  [
    "yes and no, which are text in YAML 1.2",
    "routers: [{ protocol: http, servers: [{ clearContext: yes }], client: { failFast: No } }]",
    [
      "routers[0].servers[0].clearContext: is read as the boolean true: write true",
      "routers[0].client.failFast: is read as the boolean false: write false",
    ],
  ],
  [
    "numbers where text is expected, as they were written",
    withRouter("label: 1.50"),
    ['routers[0].label: is read as the text "1.50": put it in quotes'],
  ],
  [
    "a secret that is a number, without showing it",
    `namers: [{ kind: io.l5d.consul, token: 12345 }]\n${good}`,
    ["namers[0].token: is read as the text: put it in quotes"],
  ],
  [
    "bodies that are not to be streamed",
    withRouter("streamingEnabled: false, streamAfterContentLengthKB: 5"),
    [
      "routers[0].streamingEnabled: has no effect: bodies are always streamed; retryBufferKB of service says how much is kept for retries",
    ],
  ],
  [
    "roll policies as Linkerd's manual wrote them",
    withRouter("httpAccessLog: a.log, httpAccessLogRollPolicy: Weekly(2)"),
    [],
  ],
  [
    "an access log in a folder that does not exist",
    "routers: [{ protocol: mux, servers: [{}], muxAccessLog: /does/not/exist/calls.log }]",
    [
      "routers[0].muxAccessLog: there is no folder /does/not/exist: calls are logged once it exists",
    ],
  ],
  [
    "limits and engines that Linkerd removed",
    withRouter(
      "maxRequestKB: 5, maxResponseKB: 5, maxChunkKB: 8, engine: { kind: netty4 }, client: { engine: { kind: netty3 } }",
    ),
    [
      "routers[0].maxRequestKB: has no effect: bodies are streamed and may have any size",
      "routers[0].maxResponseKB: has no effect: bodies are streamed and may have any size",
      "routers[0].maxChunkKB: has no effect: chunks may have any size",
      "routers[0].engine: has no effect: there is one HTTP engine",
      "routers[0].client.engine: has no effect: there is one HTTP engine",
    ],
  ],
  [
    "old names of classifiers",
    withRouter("service: { responseClassifier: { kind: io.l5d.retryableRead5XX } }"),
    [
      "routers[0].service.responseClassifier.kind: is the old name of io.l5d.http.retryableRead5XX, which is used instead: write io.l5d.http.retryableRead5XX",
    ],
  ],
  [
    "the old name of the Prometheus exporter",
    `telemetry: [{ kind: io.l5d.commonMetrics }]\n${good}`,
    [
      "telemetry[0].kind: is the old name of io.l5d.prometheus, which is used instead: write io.l5d.prometheus",
    ],
  ],
  [
    "worker threads and cached trees",
    `admin: { workerThreads: 2 }\n${withRouter("bindingCache: { trees: 5 }")}`,
    [
      "admin.workerThreads: has no effect: there are no worker threads",
      "routers[0].bindingCache.trees: has no effect: a binding is cached with its name",
    ],
  ],
  [
    "a host name for one host",
    `namers: [{ kind: io.l5d.static, names: { a: ["127.0.0.1:1"] }, transformers: [{ kind: io.l5d.specificHost, host: node-7.example }] }]\n${good}`,
    [],
  ],
  [
    "x- keys with anchors",
    "x-defaults: &defaults { failFast: true }\nrouters: [{ protocol: http, servers: [{}], client: { <<: *defaults } }]",
    [],
  ],
];

for (const [what, text, warnings] of accepted) {
  test(`accepted: ${what}`, () => assert.deepEqual(warningsOf(text), warnings));
}

const refused: readonly (readonly [what: string, text: string, problem: RegExp])[] = [
  [
    "another trace propagator of a protocol without a choice",
    "routers: [{ protocol: thriftmux, tracePropagator: { kind: io.l5d.zipkin }, servers: [{ port: 0 }] }]",
    /tracePropagator: only routers of protocol http have a choice of trace headers/,
  ],
  [
    "certificates for a collector without https",
    `telemetry: [{ kind: otlp, url: "http://collector:4318", tls: { trustCerts: [] } }]\n${good}`,
    /telemetry\[0\]: tls has no effect on a URL that begins with http:, write https:/,
  ],
  [
    "a URL of a collector with a name and password, which pages would show",
    `telemetry: [{ kind: otlp, url: "http://me:secret@collector:4318" }]\n${good}`,
    /telemetry\[0\]\.url: expected a URL such as http:\/\/localhost:4318/,
  ],
  [
    "a trace propagator that nobody has",
    withRouter("tracePropagator: { kind: io.l5d.jaeger }"),
    /tracePropagator\.kind: .*io\.l5d\.jaeger/,
  ],
  [
    "a pattern of admin.security that is not a regular expression",
    `admin: { security: { pathWhitelist: ["(/x"] } }\n${good}`,
    /admin\.security\.pathWhitelist\[0\]: expected a regular expression/,
  ],
  [
    "a number out of range in quotes",
    'routers: [{ protocol: http, servers: [{ port: "70000" }] }]',
    /port: expected a port, 0\.\.65535, got "70000"/,
  ],
  ["text for a number", withRouter("bindingTimeoutMs: soon"), /bindingTimeoutMs: expected a whole/],
  ["x- keys below the top", withRouter("x-note: 1"), /x-note: unknown key/],
];

for (const [what, text, problem] of refused) {
  test(`refused: ${what}`, () => {
    const checked = checkConfig(text, "f", kinds);
    assert.match(checked.ok ? "accepted" : checked.problems.join("\n"), problem);
  });
}

test("a corrected value is the one that the router runs with", () => {
  const { routers } = configOf(
    `routers: [{ protocol: http, label: 17, servers: [{ port: "0", clearContext: on, socketOptions: { reuseAddr: false } }], service: { kind: io.l5d.static, configs: [{ prefix: svc/users/, totalTimeoutMs: "70" }] } }]`,
  );
  const [router] = routers;
  assert.ok(router);
  const [server] = router.servers;
  assert.deepEqual([router.label, server?.port, server?.clearContext], ["17", 0, true]);
  const users = router.service.of("/svc/users/x" as Parameters<typeof router.service.of>[0]);
  assert.equal(users.totalTimeoutMs, 70);
});

test("reusePort is a warning where Node cannot set it", () => {
  const warnings = warningsOf(`admin: { socketOptions: { reusePort: true } }\n${good}`);
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > 23 || (major === 23 && minor >= 1)) return assert.deepEqual(warnings, []);
  assert.deepEqual(warnings, [
    `admin.socketOptions.reusePort: has no effect: it needs Node 23.1 or newer, and this is ${process.version}; a second process cannot listen on the port`,
  ]);
});

test("folders and dtab files that do not exist yet are warnings; a file of the wrong kind is not", () => {
  const namers = "namers: [{ kind: io.l5d.fs, rootDir: /does/not/exist }]";
  const router = withRouter("interpreter: { kind: io.l5d.fs, dtabFile: /does/not/exist.dtab }");
  assert.deepEqual(warningsOf(`${namers}\n${router}`), [
    "namers[0].rootDir: there is no folder /does/not/exist yet: names resolve once it exists",
    "routers[0].interpreter.dtabFile: there is no file /does/not/exist.dtab yet: names resolve once it exists",
  ]);
  const file = import.meta.filename;
  const checked = checkConfig(
    `namers: [{ kind: io.l5d.fs, rootDir: ${file} }]\n${good}`,
    "f",
    kinds,
  );
  assert.match(String(checked.ok ? [] : checked.problems), /expected a folder; .* is a file/);
});

test("a missing certificate is a warning that names the file", () => {
  const [warning = ""] = warningsOf(
    `namers: [{ kind: io.l5d.consul, tls: { clientAuth: { certPath: /does/not/exist.pem, keyPath: ${import.meta.filename} } } }]\n${good}`,
  );
  assert.equal(
    warning,
    "namers[0].tls.clientAuth.certPath: there is no file /does/not/exist.pem: run does not start without it",
  );
});

test("a dtab entry that leads to an unknown name below /$ is a warning with the list of known ones", () => {
  const [warning = "", ...more] = warningsOf(
    withRouter("dtab: '/svc => /$/com.twitter.serverset/zk:2181 | /$/inet/127.1/1 ;'"),
  );
  assert.deepEqual(more, []);
  assert.match(
    warning,
    /^routers\[0\]\.dtab: \/svc=>\S+.* leads nowhere: no namer \/\$\/com\.twitter\.serverset is built in; known: \/\$\/inet, .*\/\$\/io\.buoyant\.http\.domainToPathPfx$/,
  );
});

test("an unknown name below /$ that another entry rewrites is no reason for a warning", () => {
  assert.deepEqual(
    warningsOf(withRouter("dtab: '/svc => /$/mine/a ; /$/mine => /$/inet/127.1/1 ;'")),
    [],
  );
});

test("the path of a transformer that leads nowhere is a warning", () => {
  const [warning = ""] = warningsOf(
    withRouter(
      "interpreter: { kind: default, transformers: [{ kind: io.l5d.const, path: /$/inett/127.1/1 }] }",
    ),
  );
  assert.match(
    warning,
    /transformers\[0\]\.path: .* leads nowhere: no namer \/\$\/inett is built in/,
  );
});
