import { test, type TestContext } from "node:test";
import assert from "node:assert/strict";
import { simulatedClock } from "../support/clock.ts";
import {
  metricsBelow,
  openMetrics,
  type MetricsLimits,
  type MetricsNode,
} from "../../src/telemetry/metrics.ts";

function opened(t: TestContext, limits: Partial<MetricsLimits> = {}) {
  const clock = simulatedClock();
  const metrics = openMetrics(clock, limits);
  t.after(() => {
    metrics.close();
    assert.equal(clock.waiting, 0);
  });
  return { clock, ...metrics };
}

function names(root: MetricsNode): string[] {
  const found = Array.from(metricsBelow(root, []), ({ name }) => name.join("|"));
  return found.filter((name) => !name.startsWith("metrics|"));
}

function valueOf(root: MetricsNode, ...path: string[]): number {
  let node: MetricsNode | undefined = root;
  for (const part of path) node = node?.children.get(part);
  const metric = node?.metric ?? null;
  assert.ok(metric !== null && metric.kind === "counter", path.join("/"));
  return metric.value;
}

test("one name is one metric, however it is split into scopes", (t) => {
  const { stats } = opened(t);
  const server = stats.scope("rt", "http").scope("server", "0.0.0.0/4140");
  server.counter("requests").value += 1;
  stats.counter("rt", "http", "server", "0.0.0.0/4140", "requests").value += 1;
  assert.equal(server.counter("requests").value, 2);
  assert.equal(
    server.histogram("latency_ms"),
    stats.scope("rt").histogram("http", "server", "0.0.0.0/4140", "latency_ms"),
  );
});

test("a name may be a metric and a scope", (t) => {
  const { stats, root } = opened(t);
  stats.counter("failures").value = 2;
  stats.counter("failures", "timeout").value = 1;
  assert.deepEqual(names(root), ["failures", "failures|timeout"]);
});

test("a gauge replaces the gauge of the same name", (t) => {
  const { stats, root } = opened(t);
  stats.gauge(() => 1, "size");
  stats.gauge(() => 2, "size");
  const metric = root.children.get("size")?.metric;
  assert.ok(metric?.kind === "gauge");
  assert.equal(metric.read(), 2);
});

test("one name cannot be two kinds of metric", (t) => {
  const { stats } = opened(t);
  stats.counter("a", "b");
  assert.throws(() => stats.histogram("a", "b"), /bug: metric a\/b is a counter.*histogram/);
  assert.throws(() => stats.gauge(() => 0, "a", "b"), /bug: metric a\/b is a counter.*gauge/);
});

test("pruning removes a scope and everything below it, but nothing beside it", (t) => {
  const { stats, root } = opened(t);
  const services = stats.scope("rt", "http", "service");
  const users = services.scope("svc/users");
  const requests = users.counter("requests");
  users.counter("retries", "total");
  services.counter("svc/orders", "requests");
  users.prune();
  requests.value += 1; // code that still holds it may record, unseen
  assert.deepEqual(names(root), ["rt|http|service|svc/orders|requests"]);
});

test("a pruned scope that comes back starts from zero, and the old owner cannot prune it again", (t) => {
  const { stats, root } = opened(t);
  const old = stats.scope("client", "a");
  old.counter("requests").value = 7;
  old.prune();
  const fresh = stats.scope("client", "a");
  fresh.counter("requests").value = 1;
  old.prune();
  assert.equal(valueOf(root, "client", "a", "requests"), 1);
});

test("a renamed scope keeps its counts, is pruned under its new name, and frees the old one", (t) => {
  const { stats, root } = opened(t);
  const server = stats.scope("server", "127.0.0.1/0");
  const requests = server.counter("requests");
  server.rename("127.0.0.1/4140");
  requests.value += 1;
  server.counter("connects");
  const other = stats.scope("server", "127.0.0.1/0");
  assert.notEqual(other.counter("requests"), requests);
  other.prune();
  assert.deepEqual(names(root), [
    "server|127.0.0.1/4140|requests",
    "server|127.0.0.1/4140|connects",
  ]);
  assert.equal(valueOf(root, "server", "127.0.0.1/4140", "requests"), 1);
  server.prune();
  assert.deepEqual(names(root), []);
});

test("a full scope counts newcomers together and says how many there were", (t) => {
  const { stats, root } = opened(t, { maxScopes: 3 });
  for (let index = 0; index < 10; index += 1) {
    const service = stats.scope("service", `svc/${index}`);
    service.counter("requests").value += 1;
    service.gauge(() => index, "load");
  }
  const services = root.children.get("service")!.children;
  assert.deepEqual([...services.keys()], ["svc/0", "svc/1", "svc/2", "(other)"]);
  assert.equal(valueOf(root, "service", "(other)", "requests"), 7);
  assert.equal(services.get("(other)")?.children.get("load")?.metric, null);
  assert.equal(valueOf(root, "metrics", "overflowed"), 7);
});

test("the overflow scope is not pruned with one of its users, and pruning makes room again", (t) => {
  const { stats, root } = opened(t, { maxScopes: 2 });
  const first = stats.scope("service", "a");
  stats.scope("service", "b");
  const second = stats.scope("service", "c");
  second.counter("requests").value += 1;
  second.scope("inner").prune();
  second.prune();
  assert.equal(valueOf(root, "service", "(other)", "requests"), 1);
  first.prune();
  stats.scope("service", "(other)").counter("requests");
  assert.equal(valueOf(root, "service", "(other)", "requests"), 1);
});

test("the window of histograms moves with the clock, even if its timer is late", (t) => {
  const { clock, stats, root } = opened(t);
  stats.histogram("latency_ms").record(5);
  const summary = () => {
    const metric = root.children.get("latency_ms")?.metric;
    assert.ok(metric?.kind === "histogram");
    return metric.summary();
  };
  clock.advance(900);
  assert.equal(summary().count, 1);
  clock.advance(49_000);
  assert.equal(summary().count, 1);
  clock.advance(11_000);
  assert.equal(summary().count, 0);
});

test("names beyond 255 bytes share the overflow scope, wherever they stand", (t) => {
  const { stats, root } = opened(t);
  const longest = "é".repeat(127);
  for (const name of [longest, `${longest}é`, `svc/${"x".repeat(30_000)}`]) {
    stats.counter("rt", "http", "service", name, "requests").value += 1;
  }
  const services = root.children.get("rt")?.children.get("http")?.children.get("service")?.children;
  assert.deepEqual([...(services?.keys() ?? [])], [longest, "(other)"]);
  assert.equal(valueOf(root, "rt", "http", "service", "(other)", "requests"), 2);
  assert.equal(valueOf(root, "metrics", "overflowed"), 2);
});

test("beyond the limit of series, new clients and services share one scope until others go", (t) => {
  const { stats, root } = opened(t, { maxSeries: 60 });
  const router = stats.scope("rt", "http");
  const client = (id: string) => {
    const scope = router.scope("client", id);
    scope.counter("requests").value += 1;
    scope.histogram("request_latency_ms").record(1); // 17 series
    scope.counter("service", "web", "requests").value += 1;
    return scope;
  };
  const names = () => [
    ...(root.children.get("rt")?.children.get("http")?.children.get("client")?.children.keys() ??
      []),
  ];
  const scopes = ["a", "b", "c", "d", "e"].map(client);
  assert.deepEqual(names(), ["a", "b", "c", "d", "(other)"]);
  assert.equal(valueOf(root, "rt", "http", "client", "(other)", "requests"), 1);
  // Parts of the process that no caller names are always counted.
  stats.counter("process", "anything").value += 1;
  assert.equal(valueOf(root, "process", "anything"), 1);
  for (const scope of scopes) scope.prune();
  client("f");
  assert.deepEqual(names(), ["(other)", "f"]);
});

test("series are counted as scopes come, go and change their names", (t) => {
  const { stats, root } = opened(t);
  const metric = () => {
    const series = root.children.get("metrics")?.children.get("series")?.metric;
    return series?.kind === "gauge" ? series.read() : assert.fail("no series");
  };
  const own = metric();
  const a = stats.scope("s", "a");
  a.counter("x");
  a.histogram("y");
  stats.counter("s", "b");
  assert.equal(metric() - own, 19);
  a.rename("b"); // replaces the other b
  assert.equal(metric() - own, 18);
  a.prune();
  a.counter("late"); // still held by somebody, and not seen
  assert.equal(metric() - own, 0);
});

test("users of the overflow scope that disagree about a metric do not throw", (t) => {
  const { stats, root } = opened(t, { maxScopes: 2 });
  stats.counter("s", "a");
  stats.counter("s", "b");
  stats.counter("s", "c").value += 1;
  stats.histogram("s", "d").record(1);
  stats.gauge(() => 1, "s", "e");
  stats.tally(() => 1, "s", "f");
  assert.equal(valueOf(root, "s", "(other)"), 1);
});
