// Each alert fires when its cause has lasted, and none fires for a proxy that is well: promtool plays the
// series of an hour in an instant.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { parse, stringify } from "yaml";
import { deployedText, rulesIn } from "../support/deployed.ts";
import type { RuleFile } from "../support/deployed.ts";
import { testFolder } from "../support/folder.ts";
import { hasPrometheus, promtoolComplaint } from "../support/prometheus.ts";

type Series = Readonly<Record<string, string>>;

/** A sample each 15 seconds for an hour: `0+15x240` is a counter that grows by one a second. */
const job = 'job="switchyard", instance="a"';
const service = `${job}, rt="http", service="svc/users"`;
const client = `${job}, rt="http", client="#/x/users"`;
const steady = "0+15x240";
const none = "0x240";

const healthy: Series = {
  [`up{${job}}`]: "1x240",
  [`rt:service:success{${service}}`]: steady,
  [`rt:service:failures{${service}}`]: none,
  [`rt:service:retries:total{${service}}`]: none,
  [`rt:service:retries:budget_exhausted{${service}}`]: none,
  [`rt:service:request_latency_ms_bucket{${service}, le="1000"}`]: steady,
  [`rt:service:request_latency_ms_bucket{${service}, le="2000"}`]: steady,
  [`rt:service:request_latency_ms_bucket{${service}, le="+Inf"}`]: steady,
  [`rt:client:loadbalancer:available{${client}}`]: "3x240",
  [`rt:client:loadbalancer:size{${client}}`]: "3x240",
  [`rt:client:failure_accrual:revivals{${client}}`]: none,
  [`rt:access_log:lost{${job}, rt="http"}`]: none,
  [`namer:__io_l5d_consul:stale_ms{${job}}`]: none,
  [`process:event_loop:lag_ms_bucket{${job}, le="100"}`]: steady,
  [`process:event_loop:lag_ms_bucket{${job}, le="200"}`]: steady,
  [`process:event_loop:lag_ms_bucket{${job}, le="+Inf"}`]: steady,
  [`process:cpu:user_ms{${job}}`]: "0+6000x240",
  [`process:cpu:system_ms{${job}}`]: "0+1500x240",
  [`limits:shed:lag{${job}}`]: none,
  [`limits:shed:buffered{${job}}`]: none,
  [`jvm:fd_count{${job}}`]: "100x240",
  [`jvm:fd_limit{${job}}`]: "1024x240",
  [`jvm:heap:used{${job}}`]: "50x240",
  [`jvm:heap:max{${job}}`]: "100x240",
  [`jvm:start_time{${job}}`]: "1000x240",
  [`metrics:overflowed{${job}}`]: none,
  [`tls:etc_tls_crt:not_after_seconds{${job}}`]: `${90 * 86_400}x240`,
};

interface Cause {
  readonly alert: string;
  /** What differs from a healthy proxy. */
  readonly series: Series;
  /** When it does not fire yet, in minutes; absent: no such time. */
  readonly notYet?: number;
  readonly fires: number;
  readonly labels: Readonly<Record<string, string>>;
}

const at = { job: "switchyard", instance: "a" };
const ofService = { job: "switchyard", rt: "http", service: "svc/users" };
const ofClient = { ...at, rt: "http", client: "#/x/users" };
const page = { severity: "page" };
const ticket = { severity: "ticket" };

const causes: readonly Cause[] = [
  {
    alert: "SwitchyardDown",
    series: { [`up{${job}}`]: "1x3 0x240" },
    notYet: 1.5,
    fires: 3,
    labels: { ...at, ...page },
  },
  {
    alert: "SwitchyardServiceFailing",
    series: { [`rt:service:failures{${service}}`]: "0+30x240" },
    notYet: 0.5,
    fires: 3,
    labels: { ...ofService, ...page },
  },
  {
    alert: "SwitchyardServiceDegraded",
    series: { [`rt:service:failures{${service}}`]: "0+1.5x240" },
    notYet: 5,
    fires: 12,
    labels: { ...ofService, ...ticket },
  },
  {
    alert: "SwitchyardServiceSlow",
    series: { [`rt:service:request_latency_ms_bucket{${service}, le="1000"}`]: "0+14x240" },
    notYet: 5,
    fires: 12,
    labels: { ...ofService, ...ticket },
  },
  {
    alert: "SwitchyardNameLeadsNowhere",
    series: {
      [`rt:service:failures{${job}, rt="http", service="(unbound)", exception="unbound"}`]: steady,
    },
    notYet: 2,
    fires: 7,
    labels: { ...at, rt: "http", ...ticket },
  },
  {
    alert: "SwitchyardDiscoveryFailing",
    series: { [`rt:service:failures{${service}, exception="unresolved"}`]: steady },
    notYet: 0.5,
    fires: 3,
    labels: { ...at, rt: "http", ...page },
  },
  {
    alert: "SwitchyardDiscoveryStale",
    series: { [`namer:__io_l5d_consul:stale_ms{${job}}`]: "0+15000x240" },
    notYet: 2,
    fires: 5,
    labels: { ...at, namer: "__io_l5d_consul", ...ticket },
  },
  {
    alert: "SwitchyardNoEndpoint",
    series: { [`rt:client:loadbalancer:available{${client}}`]: "3x4 0x240" },
    notYet: 1.25,
    fires: 2,
    labels: { ...ofClient, ...page },
  },
  {
    alert: "SwitchyardEndpointsEjected",
    series: { [`rt:client:loadbalancer:available{${client}}`]: "3x4 2x240" },
    notYet: 5,
    fires: 7,
    labels: { ...ofClient, ...ticket },
  },
  {
    alert: "SwitchyardEndpointsFlapping",
    series: { [`rt:client:failure_accrual:revivals{${client}}`]: "0+1x240" },
    notYet: 2,
    fires: 15,
    labels: { ...ofClient, ...ticket },
  },
  {
    alert: "SwitchyardManyRetries",
    series: { [`rt:service:retries:total{${service}}`]: "0+3x240" },
    notYet: 5,
    fires: 12,
    labels: { ...ofService, ...ticket },
  },
  {
    alert: "SwitchyardRetryBudgetEmpty",
    series: { [`rt:service:retries:budget_exhausted{${service}}`]: "0+1x240" },
    notYet: 0.5,
    fires: 3,
    labels: { ...ofService, ...ticket },
  },
  {
    alert: "SwitchyardEventLoopLate",
    series: { [`process:event_loop:lag_ms_bucket{${job}, le="100"}`]: "0+5x240" },
    notYet: 2,
    fires: 7,
    labels: { ...at, ...ticket },
  },
  {
    alert: "SwitchyardBusy",
    series: { [`process:cpu:user_ms{${job}}`]: "0+13500x240" },
    notYet: 2,
    fires: 12,
    labels: { ...at, ...ticket },
  },
  {
    alert: "SwitchyardShedding",
    series: { [`limits:shed:buffered{${job}}`]: steady },
    notYet: 0.5,
    fires: 3,
    labels: { ...at, ...page },
  },
  {
    alert: "SwitchyardFilesRunningOut",
    series: { [`jvm:fd_count{${job}}`]: "900x240" },
    notYet: 4,
    fires: 6,
    labels: { ...at, ...ticket },
  },
  {
    alert: "SwitchyardHeapRunningOut",
    series: { [`jvm:heap:used{${job}}`]: "90x240" },
    notYet: 4,
    fires: 6,
    labels: { ...at, ...ticket },
  },
  {
    alert: "SwitchyardRestarting",
    series: { [`jvm:start_time{${job}}`]: "1x8 2x8 3x8 4x240" },
    notYet: 4,
    fires: 8,
    labels: { ...at, ...page },
  },
  {
    alert: "SwitchyardLogLinesLost",
    series: { [`rt:access_log:lost{${job}, rt="http"}`]: steady },
    notYet: 0.5,
    fires: 3,
    labels: { ...at, rt: "http", ...ticket },
  },
  {
    alert: "SwitchyardMetricsOverflowed",
    series: { [`metrics:overflowed{${job}}`]: "0x8 5x240" },
    notYet: 1.5,
    fires: 4,
    labels: { ...at, ...ticket },
  },
  {
    alert: "SwitchyardCertificateExpires",
    series: { [`tls:etc_tls_crt:not_after_seconds{${job}}`]: `${14 * 86_400 + 600}x240` },
    notYet: 9,
    fires: 11,
    labels: { ...at, certificate: "etc_tls_crt", ...ticket },
  },
];

/** The rules without the texts for people, which promtool would compare too. */
function rulesFolder(t: TestContext): string {
  const folder = testFolder(t);
  folder.write("recording.yml", deployedText("recording.yml"));
  const { groups } = parse(deployedText("alerts.yml")) as RuleFile;
  const bare = groups.map(({ name, rules }) => ({
    name,
    rules: rules.map((rule) => ({ ...rule, annotations: {} })),
  }));
  folder.write("alerts.yml", stringify({ groups: bare }));
  return folder.path;
}

function playing(series: Series, alertTests: readonly object[]): object {
  const played = Object.entries({ ...healthy, ...series });
  return {
    interval: "15s",
    input_series: played.map(([name, values]) => ({ series: name, values })),
    alert_rule_test: alertTests,
  };
}

const seconds = (minutes: number): string => `${minutes * 60}s`;

test("every alert fires after its time, with its labels, and not before", (t) => {
  if (!hasPrometheus(t)) return;
  const folder = rulesFolder(t);
  const tests = causes.map(({ alert: alertname, series, notYet, fires, labels }) => {
    const early = notYet === undefined ? [] : [{ eval_time: seconds(notYet), alertname }];
    const due = { eval_time: seconds(fires), alertname, exp_alerts: [{ exp_labels: labels }] };
    return playing(series, [...early, due]);
  });
  assert.equal(played(folder, tests), null);
  const names = rulesIn("alerts.yml").map(({ alert }) => alert);
  assert.deepEqual(causes.map(({ alert }) => alert).toSorted(), names.toSorted());
});

test("no alert fires for a proxy that is well", (t) => {
  if (!hasPrometheus(t)) return;
  const checks = causes.map(({ alert: alertname }) => ({ eval_time: "1h", alertname }));
  assert.equal(played(rulesFolder(t), [playing({}, checks)]), null);
});

test("a service that nobody calls has no alert for the failures of long ago", (t) => {
  if (!hasPrometheus(t)) return;
  const series = {
    [`rt:service:success{${service}}`]: "0x240",
    [`rt:service:failures{${service}}`]: "0+15x20 300x240",
  };
  const alertname = "SwitchyardServiceFailing";
  const checks = [{ eval_time: "30m", alertname }];
  assert.equal(played(rulesFolder(t), [playing(series, checks)]), null);
});

function played(folder: string, tests: readonly object[]): string | null {
  const file = join(folder, "tests.yml");
  writeFileSync(
    file,
    stringify({
      rule_files: ["recording.yml", "alerts.yml"],
      evaluation_interval: "15s",
      group_eval_order: [
        "switchyard-services",
        "switchyard-clients",
        "switchyard-instances",
        "switchyard",
      ],
      tests,
    }),
  );
  return promtoolComplaint("test", "rules", file);
}
