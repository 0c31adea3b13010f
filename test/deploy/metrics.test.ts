// The dashboards and rules of deploy/ speak of metrics that a running proxy really has.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { filesYaml, testAuthority } from "../support/certificates.ts";
import {
  dashboards,
  deployedText,
  filledIn,
  prometheusFolder,
  rulesIn,
} from "../support/deployed.ts";
import { testFolder } from "../support/folder.ts";
import { ask } from "../support/http-request.ts";
import { hasPrometheus, promtoolComplaint } from "../support/prometheus.ts";
import { metricNamesOf } from "../support/promql.ts";
import { startProxy } from "../support/proxy.ts";
import { service } from "../support/service.ts";
import { readExposition } from "../telemetry/exposition.ts";

/** Prometheus's own. */
const itsOwn = new Set(["up"]);

/** The names on the page of a proxy that has what the rules watch, and has had calls and failures. */
async function scrapedNames(t: TestContext): Promise<ReadonlySet<string>> {
  const users = await service(t, (_, response) => void response.end("hello"));
  const { certPath, keyPath } = testAuthority(t).issue("localhost");
  const proxy = await startProxy(
    t,
    `
    limits: { shedAboveLagMs: 5000, maxBufferedMB: 64 }
    namers: [{ kind: io.l5d.consul, host: 127.0.0.1, port: 1 }]
    routers:
    - protocol: http
      dtab: /svc/users => /$/inet/127.1/${users.port} ; /svc/gone => /$/inet/127.1/1
      httpAccessLog: ${join(testFolder(t).path, "access.log")}
      service: { responseClassifier: { kind: io.l5d.http.retryableRead5XX } }
      servers: [{ port: 0 }, { port: 0, tls: { ${filesYaml({ certPath, keyPath })} } }]`,
  );
  for (const host of ["users", "gone", "nobody"]) await ask(proxy.port, "/", { Host: host });
  const families = readExposition(await proxy.admin("/admin/metrics/prometheus"));
  const samples = [...families.values()].flatMap((family) => family.samples);
  return new Set(samples.map(({ name }) => name));
}

/** Every expression of deploy/, with where it stands. */
function expressions(): (readonly [where: string, expression: string])[] {
  const rules = ["recording.yml", "alerts.yml"].flatMap((file) =>
    rulesIn(file).map(({ record, alert, expr }) => [`${file}: ${record ?? alert}`, expr] as const),
  );
  const shown = dashboards().flatMap(({ title, panels, templating }) => [
    ...panels.flatMap((panel) =>
      (panel.targets ?? []).map(
        ({ expr }) => [`${title}: ${panel.title}`, filledIn(expr)] as const,
      ),
    ),
    ...templating.list.flatMap(({ name, definition }) => {
      const series = /^label_values\((.*), \w+\)$/.exec(definition ?? "")?.[1];
      return series === undefined ? [] : [[`${title}: $${name}`, filledIn(series)] as const];
    }),
  ]);
  return [...rules, ...shown];
}

test("every metric of deploy/ is one that a proxy has, or that recording.yml makes of them", async (t) => {
  const known = await scrapedNames(t);
  const recorded = new Set(rulesIn("recording.yml").map(({ record }) => record));
  const isKnown = (name: string) => known.has(name) || recorded.has(name) || itsOwn.has(name);
  let looked = 0;
  for (const [where, expression] of expressions()) {
    const { names, patterns } = metricNamesOf(expression);
    assert.ok(names.size + patterns.size > 0, `${where} names no metric: ${expression}`);
    for (const name of names) assert.ok(isKnown(name), `${where}: there is no metric ${name}`);
    for (const pattern of patterns) {
      const whole = new RegExp(`^(?:${pattern})$`);
      assert.ok(
        [...known].some((name) => whole.test(name)),
        `${where}: no metric is like ${pattern}`,
      );
    }
    looked += 1;
  }
  assert.ok(looked > 80, `${looked} expressions were looked at`);
});

test("names of metrics are found in PromQL, and nothing else is", () => {
  for (const [expression, ...expected] of [
    [
      'sum by (rt, le) (rate(rt:a_b{x="foo(bar) y", z=~`w`}[5m])) / on (rt) group_left (x) b',
      "rt:a_b",
      "b",
    ],
    ["sum(a) without (x) > bool 1.5e3 and b offset 5m unless c # d", "a", "b", "c"],
    ["histogram_quantile(0.99, sum(rate(x:y_bucket[1m:5s])) by (le)) or vector(Inf)", "x:y_bucket"],
    ['label_replace({__name__="n", j="k"} < time() + 2 * 86400, "a", "$1", "b", "c")', "n"],
    ["count by (x) (a == 0)\n  * ignoring (y)\n  count(b)", "a", "b"],
  ] as const) {
    assert.deepEqual([...metricNamesOf(expression).names], expected, expression);
  }
  const { patterns } = metricNamesOf('{__name__=~"tls:.+", job="x"} > 5');
  assert.deepEqual([...patterns], ["tls:.+"]);
});

test("promtool accepts the configuration with its rules, and every expression of the dashboards", (t) => {
  if (!hasPrometheus(t)) return;
  assert.equal(promtoolComplaint("check", "config", join(prometheusFolder, "scrape.yml")), null);
  const folder = testFolder(t);
  const rules = expressions().map(([, expr], i) => ({ record: `x:${i}`, expr }));
  folder.write("rules.yml", JSON.stringify({ groups: [{ name: "all", rules }] }));
  assert.equal(promtoolComplaint("check", "rules", join(folder.path, "rules.yml")), null);
});

test("the panels of a dashboard have ids of their own, lie side by side, and choose their data source", () => {
  const uids = dashboards().map(({ uid }) => uid);
  assert.deepEqual(uids.toSorted(), ["switchyard-overview", "switchyard-service"]);
  for (const { title, panels, templating } of dashboards()) {
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length, title);
    const cells = new Set<string>();
    for (const {
      title: name,
      gridPos: { x, y, w, h },
    } of panels) {
      assert.ok(x + w <= 24, name);
      for (let column = x; column < x + w; column++) {
        for (let row = y; row < y + h; row++) {
          assert.ok(!cells.has(`${column} ${row}`), `${title}: ${name} overlaps`);
          cells.add(`${column} ${row}`);
        }
      }
    }
    const names = templating.list.map(({ name }) => name);
    assert.deepEqual(names, ["datasource", "instance", "router", "service"], title);
    for (const { datasource } of panels.flatMap(({ targets = [] }) => targets) as {
      datasource?: { uid?: string };
    }[]) {
      assert.equal(datasource?.uid, "${datasource}", title);
    }
  }
});

test("every alert says what is wrong, how bad, and carries the name of the program", () => {
  const text = deployedText("alerts.yml");
  for (const { alert = "", annotations = {} } of rulesIn("alerts.yml")) {
    assert.match(alert, /^Switchyard[A-Z]/);
    assert.deepEqual(Object.keys(annotations).sort(), ["description", "summary"], alert);
  }
  const severities = [...text.matchAll(/severity: (\w+)/g)].map(([, severity]) => severity);
  assert.deepEqual([...new Set(severities.slice(1))].sort(), ["page", "ticket"]);
});
