import { test, type TestContext } from "node:test";
import assert from "node:assert/strict";
import { simulatedClock } from "../support/clock.ts";
import { metricsBelow, openMetrics, type MetricsNode } from "../../src/telemetry/metrics.ts";

function opened(t: TestContext, maxScopes?: number) {
  const clock = simulatedClock();
  const metrics = openMetrics(clock, maxScopes);
  t.after(() => {
    metrics.close();
    assert.equal(clock.waiting, 0);
  });
  return { clock, ...metrics };
}

function names(root: MetricsNode): string[] {
  const found = Array.from(metricsBelow(root, []), ({ name }) => name.join("|"));
  return found.filter((name) => name !== "metrics|overflowed");
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
  const { stats, root } = opened(t, 3);
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
  const { stats, root } = opened(t, 2);
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
