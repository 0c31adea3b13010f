// Advice for keys and kinds of Linkerd 1 and its older dialects that this build does not have, so that
// none is ignored silently. A key or kind that a schema knows is never looked up here.

/** By path of keys, joined with dots, without list indices. */
const keys: Readonly<Record<string, string>> = {
  // Not built yet.
  "routers.client.requestAuthorizers": "not supported: Istio's mixer is gone; delete this key",
  "routers.tracePropagator": "only routers of protocol http have a choice of trace headers",

  // Removed or renamed by Linkerd 1.
  "routers.httpUriInDst":
    "moved: write identifier: { kind: io.l5d.methodAndHost, httpUriInDst: true }",
  "routers.tracers": "removed: tracers became kinds of the section telemetry",
  "routers.loggers": "removed: write httpAccessLog for a log of requests",
  "routers.client.loggers": "removed: write httpAccessLog in the router for a log of requests",
  "routers.timeoutMs": "moved: write service: { totalTimeoutMs: … }",
  "routers.totalTimeoutMs": "moved: write service: { totalTimeoutMs: … }",
  "routers.responseClassifier": "moved: write service: { responseClassifier: … }",
  "routers.retries": "moved: write service: { retries: … }",
  "routers.failFast": "moved: write client: { failFast: … }",
  "routers.tls": "moved: write tls in servers, for callers, and in client, for endpoints",
  "routers.client.retries": "moved: write service: { retries: … }",
  "routers.client.responseClassifier": "moved: write it in service",
  "routers.client.timeoutMs":
    "moved: write service: { totalTimeoutMs: … } or client: { requestAttemptTimeoutMs: … }",
  "routers.client.bindingTimeoutMs": "moved: write it in the router",

  // The first dialect took the keys of routers at the top, as defaults for all of them.
  baseDtab: "moved: write baseDtab in each router",
  dtab: "moved: write dtab in each router",
  dstPrefix: "moved: write dstPrefix in each router",
  failFast: "moved: write client: { failFast: … } in each router",
  timeoutMs: "moved: write service: { totalTimeoutMs: … } in each router",
  label: "moved: write label in each router",
  servers: "moved: write servers in each router",
  tracers: "removed: tracers became kinds of the section telemetry",
};

/** By the path of the key that holds the kind, then by kind. */
const kinds: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "routers.protocol": {
    h2: "not supported yet: HTTP/2",
  },
  "routers.identifier.kind": {
    "io.l5d.ingress": "not supported yet: names from Kubernetes ingresses",
    "io.l5d.k8s.istio": "not supported: Istio's old interfaces are gone",
    "io.l5d.k8s.istio-ingress": "not supported: Istio's old interfaces are gone",
    "io.l5d.h2.ingress": "not supported yet: names from Kubernetes ingresses",
  },
  "routers.interpreter.kind": {
    "io.l5d.mesh": "not supported yet: namerd over gRPC",
    "io.l5d.k8s.configMap": "not supported yet: dtabs in Kubernetes",
  },
  "storage.kind": {
    "io.l5d.zk": "not supported yet: dtabs in ZooKeeper",
    "io.l5d.etcd": "not supported yet: dtabs in etcd",
    "io.l5d.k8s": "not supported yet: dtabs in Kubernetes",
  },
  "interfaces.kind": {
    "io.l5d.mesh": "not supported yet: names over gRPC",
    "io.l5d.destination": "not supported: the interface of Linkerd 2",
  },
  "routers.announcers.kind": {
    "io.l5d.serversets": "not supported yet: announcing in ZooKeeper",
  },
  "namers.kind": {
    "io.l5d.k8s": "not supported yet: addresses from Kubernetes",
    "io.l5d.k8s.ns": "not supported yet: addresses from Kubernetes",
    "io.l5d.k8s.external": "not supported yet: addresses from Kubernetes",
    "io.l5d.k8s.istio": "not supported: Istio's old interfaces are gone",
    "io.l5d.experimental.k8s": "renamed to io.l5d.k8s, not supported yet",
    "io.l5d.experimental.marathon": "renamed to io.l5d.marathon",
    "io.l5d.serversets": "not supported yet: addresses from ZooKeeper",
    "io.l5d.zkLeader": "not supported yet: addresses from ZooKeeper",
    "io.l5d.curator": "not supported yet: addresses from ZooKeeper",
    "io.l5d.rancher": "not supported yet: addresses from Rancher",
  },
  "transformers.kind": {
    "io.l5d.k8s.daemonset": "not supported yet: transformers for Kubernetes",
    "io.l5d.k8s.localnode": "not supported yet: transformers for Kubernetes",
  },
  "telemetry.kind": {
    "io.zipkin.kafka": "not supported: write io.zipkin.http",
    "io.zipkin.scribe": "not supported: Zipkin has dropped Scribe; write io.zipkin.http",
  },
};

/** Advice for a key that no schema knows; null when no version of Linkerd had it. */
export function keyAdvice(section: string): string | null {
  return own(keys, section);
}

/** Whether some version of Linkerd had the key. */
export function isOfLinkerd(section: string): boolean {
  return Object.hasOwn(keys, section);
}

/** Advice for a kind that this build does not have; `known` lists the kinds that it has. */
export function kindAdvice(section: string, kind: string, known: readonly string[]): string | null {
  const isTransformer = section.endsWith("transformers.kind");
  const family = own(kinds, isTransformer ? "transformers.kind" : section);
  const advice = family === null ? null : own(family, kind);
  return advice === null ? null : `${advice}; available: ${known.join(", ")}`;
}

function own<T>(table: Readonly<Record<string, T>>, key: string): T | null {
  return Object.hasOwn(table, key) ? (table[key] ?? null) : null;
}
