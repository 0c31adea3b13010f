// The page in InfluxDB's line protocol: Linkerd's measurements, tags and fields.
import assert from "node:assert/strict";
import { test } from "node:test";
import { influxdbPage } from "../../../src/telemetry/exporters/influxdb.ts";
import { openMetrics } from "../../../src/telemetry/metrics.ts";
import { simulatedClock } from "../../support/clock.ts";
import { textOf } from "../page-text.ts";

function openStats() {
  const { stats, root } = openMetrics(simulatedClock());
  const lines = async (host: string | null = "h:9990") => {
    const text = await textOf(influxdbPage(root, host));
    return text.split("\n").filter((line) => line !== "" && !line.startsWith("metrics,"));
  };
  return { stats, lines };
}

test("the metrics of one scope are the fields of one point, in the order of their names", async () => {
  const { stats, lines } = openStats();
  const server = stats.scope("rt", "http", "server", "127.0.0.1/4140");
  server.counter("requests").value = 3;
  server.gauge(() => 2.5, "load");
  assert.deepEqual(await lines(), [
    "rt:server,host=h:9990,rt=http,server=127.0.0.1/4140 load=2.5,requests=3",
  ]);
});

test("services and clients are tags, also the service of a client", async () => {
  const { stats, lines } = openStats();
  stats.counter("rt", "in", "service", "/svc/a", "requests").value = 1;
  stats.counter("rt", "in", "client", "/#/b", "requests").value = 2;
  stats.counter("rt", "in", "client", "/#/b", "service", "/svc/a", "requests").value = 3;
  assert.deepEqual(await lines(), [
    "rt:service,host=h:9990,rt=in,service=/svc/a requests=1",
    "rt:client,client=/#/b,host=h:9990,rt=in requests=2",
    "rt:client:service,client=/#/b,host=h:9990,rt=in,service=/svc/a requests=3",
  ]);
});

test("a metric that is also a scope stands in both points", async () => {
  const { stats, lines } = openStats();
  const server = stats.scope("rt", "http", "server", "0.0.0.0/4140");
  server.counter("failures").value = 2;
  server.counter("failures", "timeout").value = 2;
  assert.deepEqual(await lines(), [
    "rt:server,host=h:9990,rt=http,server=0.0.0.0/4140 failures=2",
    "rt:server:failures,host=h:9990,rt=http,server=0.0.0.0/4140 timeout=2",
  ]);
});

test("a histogram gives its numbers of the last minute under Linkerd's suffixes", async () => {
  const { stats, lines } = openStats();
  const latency = stats.histogram("foo", "bar", "bas");
  assert.deepEqual(await lines(), ["foo:bar,host=h:9990 bas_count=0"]);
  for (const ms of [1, 2]) latency.record(ms);
  assert.deepEqual(await lines(), [
    "foo:bar,host=h:9990 bas_avg=1.5,bas_count=2,bas_max=2,bas_min=1,bas_p50=1,bas_p90=2,bas_p95=2,bas_p99=2,bas_p999=2,bas_p9999=2,bas_sum=3",
  ]);
});

test("metrics without a scope are fields of root, and a request without Host has the tag none", async () => {
  const { stats, lines } = openStats();
  stats.counter("abc").value = 1;
  assert.deepEqual(await lines(null), ["root,host=none abc=1"]);
});

test("a number that the format cannot express is left out", async () => {
  const { stats, lines } = openStats();
  stats.gauge(() => Number.NaN, "a", "unknown");
  stats.gauge(() => Infinity, "a", "endless");
  assert.deepEqual(await lines(), []);
});

test("no name can end its tag, its field or its line", async () => {
  const { stats, lines } = openStats();
  stats.counter("rt", "http", "service", "a,rt=b c\nd\\", "re=q u,e\\").value = 1;
  assert.deepEqual(await lines(), [
    "rt:service,host=h:9990,rt=http,service=a\\,rt\\=b\\ c\\nd_ re\\=q\\ u\\,e_=1",
  ]);
});
