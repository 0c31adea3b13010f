// What single detectors make of numbers that are hard to bring about for real.
import assert from "node:assert/strict";
import { test } from "node:test";
import { certificateFindings } from "../../src/assemble/problems/certificates.ts";
import { discoveryFindings } from "../../src/assemble/problems/discovery.ts";
import type { Finding, Findings } from "../../src/assemble/problems/finding.ts";
import { ProcessHealth } from "../../src/assemble/problems/process.ts";
import { Traffic } from "../../src/assemble/problems/traffic.ts";
import type { RunningNamer } from "../../src/core/naming.ts";
import { pathLiteral } from "../../src/core/names/path.ts";
import { openMetrics } from "../../src/telemetry/metrics.ts";
import { simulatedClock } from "../support/clock.ts";

const of = (findings: Findings): Finding[] => [...findings].filter((each) => each !== null);

const day = 24 * 60 * 60 * 1000;

test("a certificate is a warning 14 days before its end, critical after it and before its begin", () => {
  const at = (notBeforeMs: number, notAfterMs: number, problem: string | null = null) =>
    of(certificateFindings([{ file: "a.pem", notBeforeMs, notAfterMs, problem }], 100 * day)).map(
      ({ severity, text }) => `${severity}: ${text}`,
    );
  assert.deepEqual(at(0, 115 * day), []);
  assert.match(at(0, 113.5 * day).join("\n"), /^warning: .* a\.pem expires in 13 days, at 1970-/);
  assert.match(
    at(0, 99 * day).join("\n"),
    /^critical: The certificate a\.pem expired at 1970-04-10T/,
  );
  assert.match(at(101 * day, 200 * day).join("\n"), /^critical: .* is not valid before 1970-/);
  assert.match(
    at(0, 200 * day, "the key does not belong to it").join("\n"),
    /^warning: The new files of the certificate a\.pem are not usable, .*: the key does not belong to it\.$/,
  );
});

test("an event loop that is late twice in ten seconds, or once for long, is a problem until ten seconds later", () => {
  const { stats, root } = openMetrics(simulatedClock());
  let lagMs = 0;
  stats.gauge(() => lagMs, "process", "event_loop", "max_lag_ms");
  const health = new ProcessHealth();
  const look = (lag: number) => {
    lagMs = lag;
    const numbers = { root, heldBytes: 0, heldLimitBytes: Infinity, filesLimit: Infinity };
    return of(health.findings(numbers)).map(({ kind, severity }) => `${severity} ${kind}`);
  };
  assert.deepEqual(look(300), []);
  assert.deepEqual(look(300), ["warning event-loop-late"]);
  for (let second = 0; second < 8; second++) look(0);
  assert.deepEqual(look(0), []);
  assert.deepEqual(look(2_500), ["critical event-loop-late"]);
});

test("memory that is almost full is a problem with its numbers", () => {
  const { root } = openMetrics(simulatedClock());
  const mb = 1024 * 1024;
  const numbers = { root, heldBytes: 95 * mb, heldLimitBytes: 100 * mb, filesLimit: Infinity };
  const [found] = of(new ProcessHealth().findings(numbers));
  assert.equal(found?.text, "Calls and responses in progress hold 95 of the 100 MB that they may.");
});

test("every limit that is met is a problem for 15 s, with the count of the last minute", () => {
  const { stats, root } = openMetrics(simulatedClock());
  const traffic = new Traffic((_, section) => ["routers", 0, section]);
  const counters = [
    stats.counter("limits", "shed", "lag"),
    stats.counter("limits", "refused_connections"),
    stats.counter("rt", "http", "access_log", "lost"),
    stats.counter("rt", "http", "server", "127.0.0.1/4140", "failures", "exhausted"),
    stats.counter("rt", "http", "client", "#/io.l5d.fs/web", "retries", "budget_exhausted"),
    stats.counter("rt", "http", "client", "#/io.l5d.fs/web", "loadbalancer", "panicked"),
    stats.counter("rt", "http", "service", "svc/web", "retries", "budget_exhausted"),
    stats.counter("rt", "http", "service", "svc/web", "failures", "limited"),
  ];
  const look = (nowMs: number) =>
    of(traffic.findings(root, nowMs, () => false)).map(({ kind, text, steps }) => {
      return `${kind} ${steps?.join("/")}: ${text}`;
    });
  assert.deepEqual(look(0), []);
  for (const counter of counters) counter.value = 7;
  const found = look(1_000);
  assert.equal(found.length, counters.length, found.join("\n"));
  for (const line of found) assert.match(line, /\b7 /);
  assert.match(found.join("\n"), /log-lines-lost routers\/0\/.*7 lines of the access log of http/);
  assert.match(
    found.join("\n"),
    /calls-shed routers\/0\/servers: The server 127\.0\.0\.1\/4140 refused 7 calls/,
  );
  for (let nowMs = 2_000; nowMs < 25_000; nowMs += 1_000) look(nowMs);
  assert.deepEqual(look(25_000), []);
});

test("failing calls are a problem from 5 % on, and until they are below half of that", () => {
  const { stats, root } = openMetrics(simulatedClock());
  const traffic = new Traffic(() => []);
  const requests = stats.counter("rt", "http", "service", "svc/web", "requests");
  const failures = stats.counter("rt", "http", "service", "svc/web", "failures");
  const refused = stats.counter("rt", "http", "service", "svc/web", "failures", "connect");
  const look = (nowMs: number, isShown: boolean) =>
    of(traffic.findings(root, nowMs, () => isShown)).map(
      ({ severity, text }) => `${severity}: ${text}`,
    );
  look(0, false);
  [requests.value, failures.value, refused.value] = [100, 4, 1];
  assert.deepEqual(look(1_000, false), []);
  assert.equal(look(1_000, true).length, 1);
  [requests.value, failures.value, refused.value] = [100, 6, 2];
  assert.deepEqual(look(2_000, false), [
    "warning: 6 of 100 calls of /svc/web failed in the last minute (6 %): 4 by the response of the service, 2 without a connection.",
  ]);
  [requests.value, failures.value] = [100, 60];
  assert.match(look(3_000, true).join("\n"), /^critical: 60 of 100/);
  // A minute later only what came since counts.
  for (let nowMs = 4_000; nowMs <= 70_000; nowMs += 1_000) look(nowMs, true);
  [requests.value, failures.value] = [1_000_100, 61];
  assert.deepEqual(look(71_000, true), []);
});

test("troubles of namers are critical unless the last good value is used", () => {
  const trouble = { source: "a:1", text: "it is down", advice: "start it", forMs: 5 } as const;
  const namer = (isLastGoodKept: boolean): RunningNamer => ({
    lookup: () => assert.fail("not asked"),
    troubles: () => [{ ...trouble, kind: "unavailable", isLastGoodKept }],
    close() {},
  });
  const id = pathLiteral("/#/n");
  const found = [true, false].flatMap((kept) =>
    of(discoveryFindings([{ id, namer: namer(kept) }], [])),
  );
  assert.deepEqual(
    found.map(({ kind, severity, key, steps, forMs }) => ({ kind, severity, key, steps, forMs })),
    ["warning", "critical"].map((severity) => ({
      kind: "discovery-unavailable",
      severity,
      key: "/#/n a:1",
      steps: ["namers", 0],
      forMs: 5,
    })),
  );
});
