// What a real StatsD daemon makes of the datagrams of a proxy.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { freePorts } from "../../../demo/ports.ts";
import { startDaemon } from "../../support/daemon.ts";
import { openFolder } from "../../support/folder.ts";
import { ask } from "../../support/http-request.ts";
import { peerFile } from "../../support/peers.ts";
import { startProxy } from "../../support/proxy.ts";
import { service } from "../../support/service.ts";
import { until } from "../../support/until.ts";

/** What the daemon hands to its backends at each flush. */
interface Flush {
  readonly counters: Readonly<Record<string, number>>;
  readonly gauges: Readonly<Record<string, number>>;
  readonly timer_data: Readonly<Record<string, { readonly count: number }>>;
}

/** A backend of the daemon, whose interface is CommonJS: one line of JSON for each flush. */
const backend = (file: string) => `
const { appendFileSync } = require("node:fs");
exports.init = (startedAt, config, events) => {
  events.on("flush", (at, { counters, gauges, timer_data }) =>
    appendFileSync(${JSON.stringify(file)}, JSON.stringify({ counters, gauges, timer_data }) + "\\n"));
  return true;
};
`;

async function statsdDaemon(t: TestContext, program: string) {
  const [port = 0, managementPort = 0] = await freePorts(2);
  const folder = openFolder();
  const flushed = join(folder.path, "flushed.json");
  const config = {
    address: "127.0.0.1",
    port,
    mgmt_address: "127.0.0.1",
    mgmt_port: managementPort,
    flushInterval: 50,
    backends: [join(folder.path, "backend.cjs")],
  };
  folder.write("backend.cjs", backend(flushed));
  folder.write("config.js", JSON.stringify(config));
  const flushes = (): Flush[] => {
    if (!existsSync(flushed)) return [];
    const lines = readFileSync(flushed, "utf8").split("\n").slice(0, -1);
    return lines.map((line) => JSON.parse(line) as Flush);
  };
  const isReady = () => (flushes().length > 0 ? Promise.resolve() : Promise.reject(new Error()));
  const args = [program, join(folder.path, "config.js")];
  await startDaemon(t, process.execPath, args, isReady, folder);
  return {
    port,
    /** Over all flushes so far. */
    count: (name: string) => sum(flushes().map(({ counters }) => counters[name] ?? 0)),
    timings: (name: string) => sum(flushes().map((each) => each.timer_data[name]?.count ?? 0)),
    gauge: (name: string) => flushes().at(-1)?.gauges[name],
  };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

test("a StatsD daemon counts every call of a proxy, and every one of its timings", async (t) => {
  const program = peerFile(t, "statsd/node_modules/statsd/stats.js");
  if (program === null) return;
  const daemon = await statsdDaemon(t, program);
  const users = await service(t, (_, response) => void response.end("hello"));
  const proxy = await startProxy(
    t,
    `
    telemetry:
    - { kind: io.l5d.statsd, hostname: 127.0.0.1, port: ${daemon.port}, prefix: l5d, gaugeIntervalMs: 100 }
    routers:
    - protocol: http
      dtab: /svc/users => /$/inet/127.1/${users.port} ; /svc/gone => /$/inet/127.1/1
      servers: [{ port: 0 }]`,
  );
  for (let i = 0; i < 40; i++) await ask(proxy.port, "/", { Host: i % 4 === 0 ? "gone" : "users" });
  const server = `l5d.rt.http.server.127.0.0.1.${proxy.port}`;
  await until(
    () => daemon.timings(`${server}.request_latency_ms`),
    (count) => count >= 40,
    "40 timings",
  );
  assert.equal(daemon.timings(`${server}.request_latency_ms`), 40);
  assert.equal(daemon.count(`${server}.requests`), 40);
  assert.equal(daemon.count("l5d.rt.http.service.svc.users.success"), 30);
  assert.equal(daemon.count("l5d.rt.http.service.svc.gone.failures.connect"), 10);
  assert.equal(daemon.gauge(`${server}.pending`), 0);
  assert.ok((daemon.gauge("l5d.process.mem.rss") ?? 0) > 2 ** 20);
});
