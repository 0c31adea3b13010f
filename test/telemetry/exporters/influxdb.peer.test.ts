// The page of a proxy that has had calls, written to a real InfluxDB and queried back.
import assert from "node:assert/strict";
import { test } from "node:test";
import { influxdbPage } from "../../../src/telemetry/exporters/influxdb.ts";
import { openMetrics } from "../../../src/telemetry/metrics.ts";
import { simulatedClock } from "../../support/clock.ts";
import { ask } from "../../support/http-request.ts";
import { influxDb } from "../../support/influxdb.ts";
import { hasPeer } from "../../support/peers.ts";
import { startProxy } from "../../support/proxy.ts";
import { service } from "../../support/service.ts";
import { textOf } from "../page-text.ts";

const influxd = "influxd"; // a constant: names of programs are data to knip

test("InfluxDB takes the page of a proxy that has had calls and failures", async (t) => {
  if (!hasPeer(t, influxd)) return;
  const users = await service(t, (_, response) => void response.end("hello"));
  const proxy = await startProxy(
    t,
    `
    telemetry: [{ kind: io.l5d.influxdb }]
    routers:
    - protocol: http
      dtab: /svc/users => /$/inet/127.1/${users.port} ; /svc/gone => /$/inet/127.1/1
      servers: [{ port: 0 }]`,
  );
  for (const host of ["users", "users", "gone", "nobody"])
    await ask(proxy.port, "/", { Host: host });
  const database = await influxDb(t);
  await database.write(await proxy.admin("/admin/metrics/influxdb"));

  const tags = { host: `127.0.0.1:${proxy.adminPort}`, rt: "http" };
  const [server] = await database.query(`SELECT requests, status FROM "rt:server" GROUP BY *`);
  assert.deepEqual(
    { ...server, time: 0 },
    { ...tags, server: `127.0.0.1/${proxy.port}`, requests: 4, status: null, time: 0 },
  );
  const success = await database.query(
    `SELECT success FROM "rt:service" WHERE success > 0 GROUP BY service`,
  );
  assert.deepEqual(
    success.map((row) => [row["service"], row["success"]]),
    [["svc/users", 2]],
  );
  const latency = await database.query(
    `SELECT request_latency_ms_count, request_latency_ms_p999 FROM "rt:client" WHERE client =~ /${users.port}/`,
  );
  assert.equal(latency[0]?.["request_latency_ms_count"], 2);
  assert.equal(typeof latency[0]?.["request_latency_ms_p999"], "number");
  const failures = await database.query(
    `SELECT connect FROM "rt:service:failures" WHERE service = 'svc/gone'`,
  );
  assert.equal(failures[0]?.["connect"], 1);
});

test("InfluxDB reads hostile names as one tag and one field each", async (t) => {
  if (!hasPeer(t, influxd)) return;
  const names = ["a,rt=b c", "end\\", "a\\,b", "\\x41\\ ", 'quo"te', "li\nne", "é \u{1f600}"];
  const { stats, root } = openMetrics(simulatedClock());
  for (const name of names) stats.counter("rt", "http", "service", name, `f ${name}`).value = 7;
  const database = await influxDb(t);
  await database.write(await textOf(influxdbPage(root, "h, o=st\\")));
  const rows = await database.query(`SELECT * FROM "rt:service" GROUP BY service, rt, host`);
  assert.equal(rows.length, names.length);
  for (const { rt, service: name, time: _, ...fields } of rows) {
    assert.equal(rt, "http", String(name));
    assert.deepEqual(
      Object.entries(fields).filter(([key, value]) => key !== "host" && value === 7).length,
      1,
    );
  }
  const read = rows.map((row) => row["service"]);
  for (const name of ["end_", "a_,b", "\\x41_ "]) assert.ok(read.includes(name), name);
  for (const name of ["a,rt=b c", 'quo"te', "li\\nne", "é \u{1f600}"])
    assert.ok(read.includes(name), name);
});
