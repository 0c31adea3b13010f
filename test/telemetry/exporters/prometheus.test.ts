import { spawnSync } from "node:child_process";
import { test } from "node:test";
import assert from "node:assert/strict";
import * as v from "valibot";
import { simulatedClock } from "../../support/clock.ts";
import { hasPeer } from "../../support/peers.ts";
import { openMetrics } from "../../../src/telemetry/metrics.ts";
import { prometheus, prometheusPage } from "../../../src/telemetry/exporters/prometheus.ts";
import { textOf } from "../page-text.ts";
import { readExposition, type Sample } from "../exposition.ts";

/** A process with two routers, awkward names, and one of everything. */
function sample() {
  const { stats, root } = openMetrics(simulatedClock());
  for (const label of ["http", "out going"]) {
    const router = stats.scope("rt", label);
    router.counter("server", "0.0.0.0/4140", "requests").value = 3;
    router.counter("server", "0.0.0.0/4140", "failures").value = 2;
    router.counter("server", "0.0.0.0/4140", "failures", "timeout").value = 1;
    router.counter("server", "0.0.0.0/4140", "failures", "closed", "reset").value = 1;
    router.counter("server", "0.0.0.0/4140", "exn", "malformed").value = 1;
    router.gauge(() => 2.5, "server", "0.0.0.0/4140", "connections");
    router.counter("service", 'svc/a"b\\c\nd', "retries", "total").value = 1;
    const client = router.scope("client", "/#/io.l5d.fs/service2");
    client.counter("status", "200").value = 4;
    client.counter("service", "svc/web", "requests").value = 9;
    for (const ms of [1, 2, 3, 100, 70_000]) client.histogram("request_latency_ms").record(ms);
    client.histogram("request_payload_bytes").record(4_096);
    client.histogram("time", "2XX").record(12);
    client.histogram("retries", "requeues_per_request").record(0);
  }
  stats.gauge(() => Infinity, "jvm", "heap", "max");
  stats.gauge(() => Number.NaN, "9 lives");
  return { stats, root };
}

function find(text: string, name: string, labels: Readonly<Record<string, string>>): number {
  const samples = [...readExposition(text).values()].flatMap((family) => family.samples);
  const isMeant = (each: Sample) =>
    each.name === name && JSON.stringify(each.labels) === JSON.stringify(labels);
  const found = samples.find(isMeant);
  assert.ok(found !== undefined, `${name} ${JSON.stringify(labels)} in\n${text}`);
  return found.value;
}

test("names and labels are Linkerd's", async () => {
  const text = await textOf(prometheusPage(sample().root, ""));
  const server = { rt: "http", server: "0.0.0.0/4140" };
  const client = { rt: "http", client: "#/io.l5d.fs/service2" };
  assert.ok(text.includes('\nrt:server:requests{rt="http", server="0.0.0.0/4140"} 3\n'));
  assert.equal(find(text, "rt:server:failures", server), 2);
  assert.equal(find(text, "rt:server:failures", { ...server, exception: "timeout" }), 1);
  assert.equal(find(text, "rt:server:failures", { ...server, exception: "closed:reset" }), 1);
  assert.equal(find(text, "rt:server:exceptions", { ...server, exception: "malformed" }), 1);
  assert.equal(find(text, "rt:server:connections", server), 2.5);
  assert.equal(find(text, "rt:client:status:200", client), 4);
  assert.equal(find(text, "rt:client:service:requests", { ...client, service: "svc/web" }), 9);
  assert.equal(find(text, "jvm:heap:max", {}), Infinity);
  assert.equal(find(text, "_9_lives", {}), Number.NaN);
});

test("label values survive quotes, backslashes and line feeds", async () => {
  const text = await textOf(prometheusPage(sample().root, ""));
  const labels = { rt: "http", service: 'svc/a"b\\c\nd' };
  assert.equal(find(text, "rt:service:retries:total", labels), 1);
});

test("histograms have buckets in the unit of their name", async () => {
  const text = await textOf(prometheusPage(sample().root, ""));
  const client = { rt: "http", client: "#/io.l5d.fs/service2" };
  const bucket = (name: string, le: string) => find(text, `${name}_bucket`, { ...client, le });
  assert.equal(bucket("rt:client:request_latency_ms", "2"), 2);
  assert.equal(bucket("rt:client:request_latency_ms", "100"), 4);
  assert.equal(bucket("rt:client:request_latency_ms", "60000"), 4);
  assert.equal(bucket("rt:client:request_latency_ms", "+Inf"), 5);
  assert.equal(find(text, "rt:client:request_latency_ms_count", client), 5);
  assert.equal(find(text, "rt:client:request_latency_ms_sum", client), 70_106);
  assert.equal(bucket("rt:client:request_payload_bytes", "4096"), 1);
  assert.equal(bucket("rt:client:time:2XX", "20"), 1);
  assert.equal(bucket("rt:client:retries:requeues_per_request", "0"), 1);
});

test("quantiles instead of buckets, for dashboards made for Linkerd", async () => {
  const text = await textOf(prometheusPage(sample().root, "", "quantiles"));
  const client = { rt: "http", client: "#/io.l5d.fs/service2" };
  const at = (quantile: string) =>
    find(text, "rt:client:request_latency_ms", { ...client, quantile });
  assert.deepEqual(["0", "0.5", "1"].map(at), [1, 3, 70_000]);
  assert.equal(find(text, "rt:client:request_latency_ms_count", client), 5);
  assert.equal(find(text, "rt:client:request_latency_ms_avg", client), 14_021.2);
});

test("a prefix stands in front of every name", async () => {
  const families = readExposition(await textOf(prometheusPage(sample().root, "l5d-1_")));
  for (const name of families.keys()) assert.match(name, /^l5d_1_/);
});

test("metrics that map to the same name do not break the page", async () => {
  const { stats, root } = sample();
  stats.counter("a", "b-c").value = 1;
  stats.counter("a", "b_c").value = 2;
  stats.gauge(() => 3, "a:b_c");
  stats.histogram("h");
  stats.counter("h_count").value = 4;
  const text = await textOf(prometheusPage(root, ""));
  assert.equal(find(text, "a:b_c", {}), 1);
  assert.equal(find(text, "h_count", {}), 0);
  assert.deepEqual(
    text.split("\n").filter((line) => line.startsWith("# left out")),
    ["a/b_c", "a:b_c", "h_count"].map((name) => `# left out, name already in use: ${name}`),
  );
});

test("the telemeter's page is at the configured path", async () => {
  const config = v.parse(prometheus.schema, {
    kind: "io.l5d.prometheus",
    path: "/prom",
    prefix: "x:",
  });
  const telemeter = await prometheus.create(config, { metrics: sample().root });
  const [page] = telemeter.pages;
  assert.equal(page?.path, "/prom");
  assert.match(page?.contentType ?? "", /^text\/plain; version=0\.0\.4/);
  assert.match(await textOf(page!.render(null)), /^x:rt:server:requests/m);
  await telemeter.close();
  assert.throws(() => v.parse(prometheus.schema, { kind: "io.l5d.prometheus", path: "prom" }));
});

/** What the lint says of names that are Linkerd's and stay so; all else is an error. */
const inherited =
  /should not contain ':'|should have "_total" suffix|base unit|abbreviated units|should not have "_(count|sum|total)" suffix/;

const promtool = "promtool"; // a constant: names of programs are data to knip

test("promtool accepts both pages", async (t) => {
  if (!hasPeer(t, promtool)) return;
  for (const histograms of ["buckets", "quantiles"] as const) {
    const input = await textOf(prometheusPage(sample().root, "", histograms));
    const { status, stderr } = spawnSync(promtool, ["check", "metrics"], {
      input,
      encoding: "utf8",
    });
    const complaints = stderr.split("\n").filter((line) => line !== "" && !inherited.test(line));
    assert.deepEqual(complaints, []);
    assert.ok(status === 0 || status === 3, `promtool ended with ${status}: ${stderr}`); // 3: style only
  }
});
