// Spans in a real Zipkin, and spans and metrics in a real OpenTelemetry collector, through two proxies.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { ask } from "../support/http-request.ts";
import { builtCollector, zipkinJar } from "../support/peers.ts";
import { startProxy } from "../support/proxy.ts";
import { deadPort, service } from "../support/service.ts";
import type { ZipkinSpan } from "../support/collector.ts";
import { until } from "../support/until.ts";

/** Stops the process at the test's end; keeps what it writes. */
function started(t: TestContext, child: ChildProcess): { readonly output: () => string } {
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  }
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  });
  return { output: () => output };
}

/** How often the patience of `until` may run out: a JVM takes its time on a busy machine. */
const patience = 4;

/** Resolves when something at the URL responds. */
async function responds(url: string, init: RequestInit, output: () => string): Promise<void> {
  const status = async (): Promise<number> => {
    try {
      return (await fetch(url, init)).status;
    } catch {
      return 0; // it does not listen yet
    }
  };
  for (let left = patience; left > 0; left--) {
    try {
      await until(status, (code) => code === 200, `${url} responds`);
      return;
    } catch (error) {
      if (left === 1) throw new Error(`it wrote:\n${output()}`, { cause: error });
    }
  }
}

/** The caller's proxy `edge`, then `inner`, then the service. */
async function twoProxies(t: TestContext, telemetry: string, propagator: string) {
  const users = await service(t, "users");
  const router = (label: string, port: number) => `
${telemetry}
routers:
- protocol: http
  label: ${label}
  dtab: /svc => /$/inet/127.1/${port} ;
  tracePropagator: { kind: ${propagator} }
  servers: [{ port: 0 }]
`;
  const inner = await startProxy(t, router("inner", users.port));
  const edge = await startProxy(t, router("edge", inner.port));
  return { edge, users };
}

const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
const callerSpan = "f067aa0ba902b701";

test("Zipkin shows one trace through two proxies", async (t) => {
  const jar = zipkinJar(t);
  if (jar === null) return;
  const port = await deadPort();
  const options = ["-Xmx256m", "-XX:TieredStopAtLevel=1", "-jar", jar];
  const env = { ...process.env, QUERY_PORT: String(port), STORAGE_TYPE: "mem" };
  const { output } = started(t, spawn("java", options, { env, stdio: ["ignore", "pipe", "pipe"] }));
  const api = `http://127.0.0.1:${port}/api/v2`;
  await responds(`http://127.0.0.1:${port}/health`, {}, output);
  const { edge } = await twoProxies(
    t,
    `telemetry: [{ kind: io.zipkin.http, host: "127.0.0.1:${port}", initialSampleRate: 0, intervalMs: 10 }]`,
    "io.l5d.zipkin",
  );
  const headers = { Host: "users", b3: `${trace}-${callerSpan}-1` };
  assert.equal((await ask(edge.port, "/all", headers)).status, 200);
  const read = async (): Promise<ZipkinSpan[]> => {
    const response = await fetch(`${api}/trace/${trace}`);
    return response.ok ? ((await response.json()) as ZipkinSpan[]) : [];
  };
  const spans = await until(read, (all) => all.length === 4, "four spans are stored");
  const chain: string[] = [];
  for (let parent = callerSpan; ;) {
    const span = spans.find(({ parentId }) => parentId === parent);
    if (span === undefined) break;
    chain.push(`${String(span.localEndpoint["serviceName"])} ${span.kind} ${span.name}`);
    parent = span.id;
  }
  assert.deepEqual(chain, [
    "edge SERVER get /all",
    "edge CLIENT get /all",
    "inner SERVER get /all",
    "inner CLIENT get /all",
  ]);
  const names: unknown = await (await fetch(`${api}/services`)).json();
  assert.deepEqual(names, ["edge", "inner"]);
  assert.ok(spans.every(({ tags }) => tags["service"] === "/svc/users"));
});

test("an OpenTelemetry collector takes spans and metrics", async (t) => {
  const program = builtCollector(t);
  if (program === null) return;
  const port = await deadPort();
  const pipeline = { receivers: ["otlp"], exporters: ["debug"] };
  const config = {
    receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${port}` } } } },
    exporters: { debug: { verbosity: "detailed" } },
    service: {
      telemetry: { metrics: { level: "none" } },
      pipelines: { traces: pipeline, metrics: pipeline },
    },
  };
  const options = ["--config", `yaml:${JSON.stringify(config)}`];
  const { output } = started(t, spawn(program, options, { stdio: ["ignore", "pipe", "pipe"] }));
  const empty = { method: "POST", headers: { "content-type": "application/json" }, body: "{}" };
  await responds(`http://127.0.0.1:${port}/v1/traces`, empty, output);
  const { edge, users } = await twoProxies(
    t,
    `telemetry: [{ kind: otlp, url: "http://127.0.0.1:${port}", sampleRate: 0, intervalMs: 100 }]`,
    "io.l5d.w3c",
  );
  const headers = { Host: "users", traceparent: `00-${trace}-${callerSpan}-01` };
  assert.equal((await ask(edge.port, "/all", headers)).status, 200);
  const spans = () =>
    Array.from(
      output().matchAll(
        /Trace ID +: (\w+)\n +Parent ID +: (\w*)\n +ID +: (\w+)\n +Name +: (.*)\n +Kind +: (\w+)/g,
      ),
      ([, traceId, parentId, id = "", name, kind]) => ({ traceId, parentId, id, name, kind }),
    );
  await until(spans, (all) => all.length === 4, "four spans are received");
  const chain: string[] = [];
  let last = callerSpan;
  for (;;) {
    const span = spans().find(({ parentId }) => parentId === last);
    if (span === undefined) break;
    chain.push(`${span.kind} ${span.name}`);
    last = span.id;
  }
  const [server, client] = ["Server GET /svc/users", "Client GET /svc/users"];
  assert.deepEqual(chain, [server, client, server, client]);
  assert.equal(users.seen[0]?.headers["traceparent"], `00-${trace}-${last}-01`);
  const requests = /Name: rt\.server\.requests\n[^]*?DataType: Sum[^]*?Value: 1\n/;
  await until(output, (text) => requests.test(text), "the metrics are received");
  assert.match(output(), /Name: rt\.server\.request_latency_ms\n[^]*?DataType: Histogram/);
  assert.doesNotMatch(output(), /error/i);
});
