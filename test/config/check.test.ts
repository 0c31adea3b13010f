import assert from "node:assert/strict";
import { test } from "node:test";
import { checkConfig } from "../support/check.ts";
import { kinds } from "./kinds.ts";

function problemsOf(text: string): readonly string[] {
  const result = checkConfig(text, "l5d.yaml", kinds);
  assert.equal(result.ok, false, "expected problems");
  return result.ok ? [] : result.problems;
}

function configOf(text: string) {
  const result = checkConfig(text, "l5d.yaml", kinds);
  assert.ok(result.ok, result.ok ? "" : result.problems.join("\n"));
  return result;
}

/** A router with what it needs; `extra` is indented below it. */
function withRouter(extra: string): string {
  const lines = extra.split("\n").map((line) => `  ${line}\n`);
  return `routers:\n- protocol: http\n  servers: [{}]\n${lines.join("")}`;
}

/** Routers get new keys from time to time. */
function withoutRouterKeys(line: string): string {
  return line.replace(/(unknown key: expected one of ).*\bbindingTimeoutMs\b.*/, "$1…");
}

/** The lines below `withRouter` begin at line 4, column 3. */
const inRouter: readonly (readonly [string, string, readonly string[]])[] = [
  [
    "a key that nearly exists",
    "lable: in",
    ["4:3 routers[0].lable: unknown key: did you mean label?"],
  ],
  [
    "a key in another spelling",
    "binding_timeout_ms: 5",
    ["4:3 routers[0].binding_timeout_ms: unknown key: did you mean bindingTimeoutMs?"],
  ],
  [
    "a key of the section below",
    "loadBalancer: {kind: ewma}",
    ["4:3 routers[0].loadBalancer: unknown key here: it belongs in client"],
  ],
  [
    "a key of the section above",
    "client: {bindingCache: {}}",
    [
      "4:12 routers[0].client.bindingCache: unknown key here: it belongs one level up, beside the keys of routers",
    ],
  ],
  [
    "a key of the section beside",
    "client: {totalTimeoutMs: 5}",
    ["4:12 routers[0].client.totalTimeoutMs: unknown key here: it belongs in service"],
  ],
  [
    "a key like nothing",
    "bindingCache: {xyzzy: 1}",
    [
      "4:18 routers[0].bindingCache.xyzzy: unknown key: expected one of bounds, clients, idleTtlSecs, paths, trees",
    ],
  ],
  [
    "two unknown keys of one object",
    "foo1: 1\nbar1: 2",
    [
      "4:3 routers[0].foo1: unknown key: expected one of …",
      "5:3 routers[0].bar1: unknown key: expected one of …",
    ],
  ],
  [
    "names that objects have from birth",
    "constructor: 1\ntoString: 2",
    [
      "4:3 routers[0].constructor: unknown key: expected one of …",
      "5:3 routers[0].toString: unknown key: expected one of …",
    ],
  ],
  [
    "a wrong number",
    "bindingTimeoutMs: -5",
    ["4:21 routers[0].bindingTimeoutMs: expected a whole number >= 0, got -5"],
  ],
  [
    "a number as it was written",
    "bindingTimeoutMs: 1.50",
    ["4:21 routers[0].bindingTimeoutMs: expected a whole number >= 0, got 1.50"],
  ],
  ["a list for a map", "client: [a]", ["4:11 routers[0].client: expected a map, got a list"]],
  [
    "a kind for a map",
    "client: {loadBalancer: ewma}",
    ['4:26 routers[0].client.loadBalancer: expected a map, got "ewma": write { kind: ewma }'],
  ],
  ["text for a map", "service: x", ['4:12 routers[0].service: expected a map, got "x"']],
  [
    "an unknown kind with a near one",
    "client: {loadBalancer: {kind: ewna}}",
    [
      '4:33 routers[0].client.loadBalancer.kind: expected one of ewma, p2c, roundRobin, got "ewna": did you mean ewma?',
    ],
  ],
  [
    "a kind without its prefix",
    "identifier: {kind: methodAndHost}",
    [
      '4:22 routers[0].identifier.kind: expected one of io.l5d.header.token, io.l5d.methodAndHost, io.l5d.path, io.l5d.static, got "methodAndHost": did you mean io.l5d.methodAndHost?',
    ],
  ],
  [
    "no kind",
    "identifier: {segments: 2}",
    [
      "4:15 routers[0].identifier.kind: expected one of io.l5d.header.token, io.l5d.methodAndHost, io.l5d.path, io.l5d.static, got nothing",
    ],
  ],
  [
    "an identifier in a list",
    "identifier:\n- kind: io.l5d.path\n- kind: io.l5d.path\n  segments: 0",
    ["7:15 routers[0].identifier[1].segments: expected a whole number >= 1, got 0"],
  ],
  [
    "an empty list of identifiers",
    "identifier: []",
    ["4:15 routers[0].identifier: expected at least one entry, got an empty list"],
  ],
  [
    "a rule about two keys",
    "client:\n  failureAccrual:\n    kind: io.l5d.consecutiveFailures\n    backoff: {kind: jittered, minMs: 2, maxMs: 1}",
    ["7:7 routers[0].client.failureAccrual.backoff: expected minMs <= maxMs"],
  ],
  [
    "jittered backoff without bounds",
    "client: {failureAccrual: {kind: io.l5d.consecutiveFailures, backoff: {kind: jittered}}}",
    [
      "4:72 routers[0].client.failureAccrual.backoff.minMs: expected a whole number >= 0, got nothing",
      "4:72 routers[0].client.failureAccrual.backoff.maxMs: expected a whole number >= 0, got nothing",
    ],
  ],
  [
    "a pool smaller than its minimum",
    "client: {hostConnectionPool: {minSize: 3, maxSize: 2}}",
    ["4:12 routers[0].client.hostConnectionPool: expected minSize <= maxSize"],
  ],
  [
    "dtab and its old name",
    "dtab: /a => /b\nbaseDtab: /c => /d",
    [
      "5:3 routers[0].baseDtab: is the old name of dtab, which this router has as well: move its entries into dtab",
    ],
  ],
  [
    "a bad dtab in a block, at its own line",
    "dtab: |\n  /svc => /a ;\n  /host =  /b ;",
    ["6:12 routers[0].dtab: not a dtab: '>' expected but ' ' found at '/host =[ ] /b ;'"],
  ],
  [
    "a bad dtab in quotes, at its own column",
    'dtab: "/svc => a"',
    [
      "4:18 routers[0].dtab: not a dtab: a path, '~', '$', '!' or '(' expected but 'a' found at '/svc => [a]'",
    ],
  ],
  [
    "a bad path",
    "dstPrefix: svc",
    ["4:14 routers[0].dstPrefix: not a path: '/' expected but 's' found at '[s]vc'"],
  ],
  [
    "keys beside settings by prefix",
    "client: {kind: io.l5d.static, failureAccrual: {kind: none}, configs: []}\nservice: {kind: io.l5d.static}",
    [
      "4:33 routers[0].client.failureAccrual: io.l5d.static reads keys only in configs: move this one into an entry there, for all names `prefix: /`",
      "5:19 routers[0].service.kind: io.l5d.static needs configs, a list of entries with a prefix",
    ],
  ],
  [
    "settings by prefix without their kind",
    "service: {configs: [{prefix: /svc}]}",
    [
      "4:13 routers[0].service.configs: has an effect only with kind: io.l5d.static, which is missing here",
    ],
  ],
  [
    "mistakes in settings by prefix",
    "client:\n  kind: io.l5d.static\n  configs:\n  - {prefix: /, failureAcrual: {kind: none}}\n  - {failureAccrual: {kind: nine}}\n  - {prefix: /svc//b, tls: {}}\n  - {prefix: /a, requeueBudget: {ttlSecs: 61}}",
    [
      "7:19 routers[0].client.configs[0].failureAcrual: unknown key: did you mean failureAccrual?",
      "8:7 routers[0].client.configs[1].prefix: expected a path pattern such as /svc/*/{name}, got nothing",
      '8:31 routers[0].client.configs[1].failureAccrual.kind: expected one of io.l5d.consecutiveFailures, none, got "nine": did you mean none?',
      `9:16 routers[0].client.configs[2].prefix: expected a path pattern: '' is neither a path segment, nor '*', nor text with {names} in '/svc//b', got "/svc//b"`,
      "9:25 routers[0].client.configs[2].tls: expected commonName, the name that the certificates of the endpoints must have",
      "10:45 routers[0].client.configs[3].requeueBudget.ttlSecs: expected a whole number 1..60, got 61",
    ],
  ],
  [
    "keys of Linkerd that are not built yet",
    "client: {requestAuthorizers: [{}]}",
    [
      "4:12 routers[0].client.requestAuthorizers: not supported: Istio's mixer is gone; delete this key",
    ],
  ],
  [
    "keys that Linkerd moved",
    "httpUriInDst: true\ntimeoutMs: 5\nresponseClassifier: {}",
    [
      "4:3 routers[0].httpUriInDst: moved: write identifier: { kind: io.l5d.methodAndHost, httpUriInDst: true }",
      "5:3 routers[0].timeoutMs: moved: write service: { totalTimeoutMs: … }",
      "6:3 routers[0].responseClassifier: moved: write service: { responseClassifier: … }",
    ],
  ],
  [
    "transformers of interpreters",
    "interpreter:\n  kind: default\n  transformers:\n  - kind: io.l5d.port\n  - kind: io.l5d.k8s.localnode",
    [
      "7:7 routers[0].interpreter.transformers[0].port: expected a port, 0..65535, got nothing",
      "8:13 routers[0].interpreter.transformers[1].kind: not supported yet: transformers for Kubernetes; available: io.l5d.localhost, io.l5d.port",
    ],
  ],
];

for (const [name, extra, expected] of inRouter) {
  test(`in a router: ${name}`, () => {
    assert.deepEqual(
      problemsOf(withRouter(extra)).map(withoutRouterKeys),
      expected.map((line) => `l5d.yaml:${line}`),
    );
  });
}

const router = "routers: [{protocol: http, servers: [{}]}]\n";

const inFile: readonly (readonly [string, string, readonly string[]])[] = [
  ["an empty file", "", ["1:1: the file is empty: expected at least routers"]],
  ["only comments", "# later\n", ["1:1: the file is empty: expected at least routers"]],
  [
    "a list",
    "- a\n",
    ["1:1: expected a map with keys such as admin, namers, routers, telemetry, got a list"],
  ],
  ["no routers", "admin: {}\n", ["1:1 routers: expected a list of routers, got nothing"]],
  [
    "an empty list of routers",
    "routers: []\n",
    ["1:10 routers: expected at least one router, got an empty list"],
  ],
  [
    "empty routers",
    "admin: {}\nrouters:\n",
    ["2:1 routers: expected a list of routers, got nothing"],
  ],
  [
    "names that an announcer cannot register",
    "routers:\n- protocol: http\n  announcers: [{kind: io.l5d.board}]\n  servers:\n  - announce:\n    - /#/io.l5d.board/a\n    - /#/io.l5d.board/a/b\n    - a\n",
    [
      '7:7 routers[0].servers[0].announce[1]: expected one name behind /#/io.l5d.board, such as /#/io.l5d.board/users, got "/#/io.l5d.board/a/b"',
      "8:7 routers[0].servers[0].announce[2]: not a path: '/' expected but 'a' found at '[a]'",
    ],
  ],
  [
    "a router without servers",
    "routers:\n- protocol: http\n",
    ["2:3 routers[0].servers: expected a list of servers, got nothing"],
  ],
  [
    "a router with an empty list of servers",
    "routers:\n- protocol: http\n  servers: []\n",
    ["3:12 routers[0].servers: expected at least one server, got an empty list"],
  ],
  [
    "a map for a list",
    "routers:\n  protocol: http\n",
    ['2:3 routers: expected a list of routers, got a map: begin its first key with "- "'],
  ],
  ["a router that is nothing", "routers:\n-\n", ["2:2 routers[0]: expected a map, got nothing"]],
  [
    "an unknown protocol, and what is wrong beside it",
    "routers:\n- protocol: htpp\n  dtab: x\n- protocol: h2\n  bindingTimeoutMs: x\n",
    [
      "2:3 routers[0].servers: expected a list of servers, got nothing",
      '2:13 routers[0].protocol: expected one of echo, http, got "htpp": did you mean http?',
      "3:9 routers[0].dtab: not a dtab: '/' expected but 'x' found at '[x]'",
      "4:13 routers[1].protocol: not supported yet: HTTP/2; available: echo, http",
      '5:21 routers[1].bindingTimeoutMs: expected a whole number >= 0, got "x"',
    ],
  ],
  [
    "no protocol",
    "routers:\n- servers: [{}]\n",
    ["2:3 routers[0].protocol: expected one of echo, http, got nothing"],
  ],
  [
    "two routers of one label",
    "routers:\n- {protocol: http, servers: [{}]}\n- {protocol: http, servers: [{port: 1}]}\n- {protocol: echo, label: http, servers: [{port: 2}]}\n",
    [
      "3:3 routers[1].label: the label http is taken by routers[0] on line 2: give this router a label",
      "4:27 routers[2].label: the label http is taken by routers[0] on line 2",
    ],
  ],
  [
    "two servers of one port, given or not",
    "routers:\n- protocol: http\n  servers:\n  - port: 4140\n  - ip: 127.0.0.1\n  - {ip: 127.0.0.2}\n",
    ["5:5 routers[0].servers[1].port: port 4140 is taken by routers[0].servers[0] on line 4"],
  ],
  [
    "a port on all addresses and on one",
    "routers:\n- protocol: http\n  servers: [{port: 1, ip: 0.0.0.0}, {port: 1}, {port: 2, ip: '::'}, {port: 2}, {port: 3, ip: '::1'}, {port: 3, ip: 0.0.0.0}]\n",
    [
      "3:44 routers[0].servers[1].port: port 1 is taken by routers[0].servers[0] on line 3, which listens on 0.0.0.0",
      "3:76 routers[0].servers[3].port: port 2 is taken by routers[0].servers[2] on line 3, which listens on ::",
    ],
  ],
  [
    "the port of the admin server",
    "admin: {port: 4140}\nrouters:\n- {protocol: http, servers: [{}]}\n",
    ["1:15 admin.port: port 4140 is taken by routers[0].servers[0] on line 3"],
  ],
  [
    "the default port of the admin server",
    "routers:\n- {protocol: http, servers: [{port: 9990}]}\n",
    ["1:1 admin.port: port 9990 is taken by routers[0].servers[0] on line 2"],
  ],
  [
    "a port out of range and a host name for an ip",
    "admin:\n  port: 70000\n  ip: localhost\n" + router,
    [
      "2:9 admin.port: 70000 is outside the valid range for ports, 0..65535",
      '3:7 admin.ip: expected an IP address such as 127.0.0.1, 0.0.0.0 or ::1 (not a host name), got "localhost"',
    ],
  ],
  [
    "the article's 127.1, which is a number",
    "admin: {ip: 127.1}\n" + router,
    [
      "1:13 admin.ip: expected an IP address such as 127.0.0.1, 0.0.0.0 or ::1 (not a host name), got 127.1",
    ],
  ],
  [
    "an illegal log level",
    "log: {level: verbose}\n" + router,
    ['1:14 log.level: expected one of debug, info, warn, error, got "verbose"'],
  ],
  [
    "namers that are not there yet, misspelt, or incomplete",
    "namers:\n- kind: io.l5d.k8s\n- kind: io.l5d.f\n- kind: io.l5d.rewrite\n  prefix: /x\n- kind: io.l5d.fs\n  rootdir: a\n" +
      router,
    [
      "2:9 namers[0].kind: not supported yet: addresses from Kubernetes; available: io.l5d.fs, io.l5d.guarded, io.l5d.rewrite",
      "3:3 namers[1].rootDir: expected text, got nothing",
      '3:9 namers[1].kind: expected one of io.l5d.fs, io.l5d.guarded, io.l5d.rewrite, got "io.l5d.f": did you mean io.l5d.fs?',
      "4:3 namers[2].pattern: expected text, got nothing",
      "4:3 namers[2].name: expected text, got nothing",
      "7:3 namers[3].rootdir: unknown key: did you mean rootDir?",
    ],
  ],
  [
    "a secret, without showing it",
    "namers:\n- kind: io.l5d.guarded\n  token: hunter2\n" + router,
    ["3:10 namers[0].token: expected a whole number >= 0, got a value that is not shown"],
  ],
  [
    "telemeters of another day",
    "telemetry:\n- kind: io.zipkin.kafka\n" + router,
    ["2:9 telemetry[0].kind: not supported: write io.zipkin.http; available: io.l5d.prometheus"],
  ],
  [
    "keys that were once at the top",
    "baseDtab: /a => /b\ntimeoutMs: 5\n" + router,
    [
      "1:1 baseDtab: moved: write baseDtab in each router",
      "2:1 timeoutMs: moved: write service: { totalTimeoutMs: … } in each router",
    ],
  ],
  [
    "a near miss at the top",
    "router: []\n" + router,
    ["1:1 router: unknown key: did you mean routers?"],
  ],
  [
    "long text, cut short",
    `admin: {ip: "${"x".repeat(100)}"}\n${router}`,
    [
      `1:13 admin.ip: expected an IP address such as 127.0.0.1, 0.0.0.0 or ::1 (not a host name), got "${"x".repeat(60)}…"`,
    ],
  ],
];

for (const [name, text, expected] of inFile) {
  test(`in a file: ${name}`, () => {
    assert.deepEqual(
      problemsOf(text),
      expected.map((line) => `l5d.yaml:${line}`),
    );
  });
}

test("problems of all sections are reported together, in the order of the file", () => {
  const lines = problemsOf(
    "routers:\n- protocol: http\n  servers: [{port: x}]\n  labl: a\nadmin:\n  port: -1\nnamers: 5\n",
  ).map((line) => line.split(" ").slice(0, 2).join(" "));
  assert.deepEqual(lines, [
    "l5d.yaml:3:20 routers[0].servers[0].port:",
    "l5d.yaml:4:3 routers[0].labl:",
    "l5d.yaml:6:9 admin.port:",
    "l5d.yaml:7:9 namers:",
  ]);
});

test("a duplicate key hides no other problem", () => {
  const problems = problemsOf(withRouter("dtab: /a => /b\ndtab: /c => /d\nlable: in"));
  assert.deepEqual(problems, [
    "l5d.yaml:5:3 routers[0].dtab: duplicate key: it is already on line 4",
    "l5d.yaml:6:3 routers[0].lable: unknown key: did you mean label?",
  ]);
});

test("a key that nearly exists hides nothing that is wrong in the one that does", () => {
  assert.deepEqual(problemsOf(withRouter("label: {}\nlable: in")), [
    "l5d.yaml:4:10 routers[0].label: expected text, got a map",
    "l5d.yaml:5:3 routers[0].lable: unknown key: did you mean label?",
  ]);
});

test("experimental: true is accepted on anything", () => {
  const { warnings } = configOf(
    "namers: [{kind: io.l5d.fs, rootDir: x, experimental: true, transformers: [{kind: io.l5d.localhost, experimental: true}]}]\n" +
      "telemetry: [{kind: io.l5d.prometheus, experimental: true}]\n" +
      "routers: [{protocol: http, experimental: true, servers: [{}], interpreter: {kind: default, experimental: true}}]\n",
  );
  assert.deepEqual(warnings, []);
});

test("an empty value means the default, as in Linkerd", () => {
  const { config } = configOf(
    "admin:\nnamers:\nrouters:\n- protocol: http\n  dtab:\n  servers:\n  - port:\n",
  );
  assert.equal(config.admin.port, 9990);
  assert.equal(config.routers[0]?.servers[0]?.port, 4140);
});
