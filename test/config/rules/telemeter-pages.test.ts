// Two telemeters never have the same page of the admin server: only one of them would be shown.
import assert from "node:assert/strict";
import { test } from "node:test";
import { kinds } from "../../../src/plugins.ts";
import { checkConfig } from "../../support/check.ts";

function problemsOf(telemetry: string): readonly string[] {
  const text = `routers: [{ protocol: http, servers: [{}] }]\ntelemetry:\n${telemetry}`;
  const checked = checkConfig(text, "test.yaml", kinds);
  return checked.ok ? [] : checked.problems;
}

test("a second telemeter of a page that cannot be moved is an error that names both lines", () => {
  assert.deepEqual(problemsOf("- kind: io.l5d.influxdb\n- kind: io.l5d.influxdb\n"), [
    "test.yaml:4:3 telemetry[1]: the page /admin/metrics/influxdb is taken by telemetry[0] on line 3: delete one of the two",
  ]);
});

test("the path of a second telemeter is an error where it is written", () => {
  const telemetry = `
- kind: io.l5d.prometheus
- kind: io.l5d.influxdb
- kind: io.l5d.prometheus
  path: /admin/metrics/influxdb/
`;
  assert.deepEqual(problemsOf(telemetry.slice(1)), [
    "test.yaml:6:9 telemetry[2].path: the page /admin/metrics/influxdb is taken by telemetry[1] on line 4: choose another",
  ]);
});

test("telemeters of one kind may have pages of their own, or none", () => {
  const two = "- { kind: io.l5d.prometheus }\n- { kind: io.l5d.prometheus, path: /old }\n";
  assert.deepEqual(problemsOf(two), []);
  const statsd = "- { kind: io.l5d.statsd, port: 1 }\n- { kind: io.l5d.statsd, port: 2 }\n";
  assert.deepEqual(problemsOf(statsd), []);
});

test("the old name of a telemeter beside its new one is no second page", () => {
  assert.deepEqual(problemsOf("- kind: io.l5d.prometheus\n- kind: io.l5d.commonMetrics\n"), []);
});
