// The cost of HTTP's filters per call, without I/O: names, contexts, counters, the access log.
// Run: node dist/bench/micro/http-filters.js
import { defaultCallerDtabLimits } from "../../src/core/names/caller-dtab-limits.ts";
import { performance } from "node:perf_hooks";
import { accessLogSource } from "../../protocols/http/access-log.ts";
import { avroRecords, jsonLines } from "../../src/access-log/access-log.ts";
import { noBody } from "../../protocols/http/codec/body.ts";
import { PassthroughFields } from "../../protocols/http/codec/passthrough-fields.ts";
import type { Fields } from "../../protocols/http/codec/passthrough-fields.ts";
import { serverFilters, wireContext } from "../../protocols/http/filters.ts";
import { context } from "../../protocols/http/filters/context.ts";
import { propagation } from "../../protocols/http/filters/propagation.ts";
import { diagnose } from "../../protocols/http/filters/diagnostics.ts";
import { http } from "../../protocols/http/index.ts";
import type { CompletedCall, HttpRequest, HttpResponse } from "../../protocols/http/message.ts";
import { emptyDtab } from "../../src/core/names/dtab.ts";
import { pathLiteral, root } from "../../src/core/names/path.ts";
import { ended, stack } from "../../src/core/service.ts";
import type { Service } from "../../src/core/service.ts";

const clock = {
  nowMs: () => performance.now(),
  wallMs: () => performance.timeOrigin + performance.now(),
  after: () => () => {},
};
const peer = {
  remoteHost: "127.0.0.1",
  remotePort: 53_422,
  localHost: "127.0.0.1",
  localPort: 4140,
  isLocal: true,
  identity: null,
  token: "_abc123",
};
const logicalName = pathLiteral("/svc/web");
const bound = {
  logicalName,
  id: pathLiteral("/#/io.l5d.fs/web"),
  residual: root,
  note: null,
};

function request(host: string, l5d: Fields | null): HttpRequest {
  return {
    deadlineMs: Infinity,
    localDtab: emptyDtab,
    replayable: true,
    idempotent: true,
    logicalName,
    bound,
    endpoint: null,
    destination: null,
    clusterHandle: null,
    method: "GET",
    target: "/a?b=c",
    version: "1.1",
    host,
    absoluteScheme: null,
    fields: new PassthroughFields("User-Agent: bench\r\nAccept: */*\r\n"),
    receivedTarget: "/a?b=c",
    receivedHost: host,
    via: null,
    context: l5d,
    finagleDeadline: null,
    contextOut: "",
    hop: null,
    expectsContinue: false,
    upgrade: null,
    body: noBody,
    peer,
    interims: null,
  };
}

function response(): HttpResponse {
  return {
    status: 200,
    reason: "OK",
    version: "1.1",
    fields: new PassthroughFields(""),
    via: null,
    context: null,
    verdict: null,
    body: noBody,
    upgrade: null,
  };
}

const rounds = 5;

/** The best of a few rounds, because the machine may be busy. */
function nsEach(times: number, run: (index: number) => void): number {
  let best = Infinity;
  for (let round = 0; round < rounds; round += 1) {
    const startMs = performance.now();
    for (let index = 0; index < times; index += 1) run(index);
    best = Math.min(best, ((performance.now() - startMs) * 1e6) / times);
  }
  return best;
}

function row(what: string, ns: number, budgetNs: number): void {
  const verdict = ns <= budgetNs ? "ok" : "OVER BUDGET";
  console.log(`${what.padEnd(44)} ${ns.toFixed(1).padStart(12)} ns  (<= ${budgetNs}) ${verdict}`);
}

const deps = { clock, random: Math.random };
const traces = propagation({ kind: "io.l5d.default" }, { ...deps, ignored: { value: 0 } });
const shared = context({ ...deps, propagation: traces });
const leaf: Service<HttpRequest, HttpResponse> = (_request, reply) => {
  reply.start(response());
  reply.end(null);
  return ended;
};
const filtered = stack(
  [
    ...serverFilters({
      context: shared,
      clock,
      clearContext: false,
      callerDtabLimits: defaultCallerDtabLimits,
      maxCallDepth: 1000,
      forwarded: null,
      hint: null,
      compressionLevel: 0,
      timestampHeader: null,
    }),
    wireContext(
      shared,
      diagnose({ clock, label: "bench", explain: undefined, seesInternals: () => true }),
    ),
  ],
  leaf,
);
const reply = { start() {}, end() {} };
const bareNs = nsEach(200_000, () => leaf(request("web", null), reply));
const plainNs = nsEach(200_000, () => filtered(request("web", null), reply));
row("filters, no l5d field", plainNs - bareNs, 1000);

const traced = ["l5d-ctx-trace", "3q2+7wAAAAEAAAAAAAAAAv7cuph2VDIQAAAAAAAAAAY=", "l5d-reqid", "f"];
const tracedNs = nsEach(200_000, () => filtered(request("web", traced), reply));
row("filters, behind another proxy", tracedNs - bareNs, 3000);

const nowNs = BigInt(Math.round(clock.wallMs())) * 1_000_000n;
const limited = ["l5d-ctx-deadline", `${nowNs} ${nowNs + 3_600_000_000_000n}`];
const local = [...traced, ...limited, "l5d-ctx-dtab", "/svc=>/b"];
const localNs = nsEach(100_000, () => filtered(request("web", local), reply));
row("filters, with a deadline and a dtab", localNs - bareNs, 6000);

const token = http.identifiers.find(({ kind }) => kind === http.defaultIdentifier);
const identify = token?.create(
  { kind: token.kind, header: "Host" },
  { prefix: pathLiteral("/svc") },
);
const hosts = Array.from({ length: 1000 }, (_, index) => request(`host-${index}.test`, null));
for (const count of [1, 1000]) {
  const ns = nsEach(
    1_000_000,
    (index) => void identify?.(hosts[index % count] ?? request("", null)),
  );
  row(`io.l5d.header.token, ${count} hosts`, ns, 300);
}

const completed: CompletedCall = {
  request: request("web", null),
  target: "/a?b=c",
  rawStartLine: "",
  host: "web",
  status: 200,
  response: response(),
  sentBytes: 64,
  receivedBytes: 0,
  startedMs: 1,
  endedMs: 2.5,
  failure: null,
  peer,
};
const formats = {
  common: accessLogSource.commonLine(clock),
  json: jsonLines(accessLogSource, "http", clock),
  avro: avroRecords(accessLogSource, "http", clock),
};
for (const [format, of] of Object.entries(formats)) {
  row(
    `access log, ${format}`,
    nsEach(200_000, () => void of(completed)),
    8000,
  );
}
