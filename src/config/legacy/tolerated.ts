// Keys and kinds of Linkerd 1 that no schema knows and that are accepted with a warning, because nothing
// is lost: they have no effect here, repeat what is done anyway, or are old names.

type Warning = string | ((value: unknown) => string | null);

/** By path of keys, joined with dots, without list indices. A function returns null to refuse a value. */
const keys: Readonly<Record<string, Warning>> = {
  "admin.workerThreads": "has no effect: there are no worker threads",
  "namers.failFast": "has no effect: requests to Consul always back off",
  "namers.fixedLengthStreamedAfterKB": "has no effect: responses of any size up to 64 MB are read",
  "routers.interpreter.failFast": "has no effect: requests to Consul always back off",
  "routers.servers.label": "has no effect: a server is named by its ip and port",
  "routers.maxRequestKB": "has no effect: bodies are streamed and may have any size",
  "routers.maxResponseKB": "has no effect: bodies are streamed and may have any size",
  "routers.maxChunkKB": "has no effect: chunks may have any size",
  "routers.engine": "has no effect: there is one HTTP engine",
  "routers.servers.engine": "has no effect: there is one HTTP engine",
  "routers.client.engine": "has no effect: there is one HTTP engine",
  "routers.tracePropagator": (value) => {
    return repeats(value, { kind: "io.l5d.default", experimental: true }) ? isDefault : null;
  },
  "routers.client.requestAuthorizers": ifEmpty,
  "routers.client.loggers": ifEmpty,
  "routers.loggers": ifEmpty,
  // Known to the protocols that can do without.
  "routers.client.thriftFramed": "has no effect: only plain Thrift has messages without a length",
};

function ifEmpty(value: unknown): string | null {
  return Array.isArray(value) && value.length === 0 ? "has no effect: the list is empty" : null;
}

const isDefault = "has no effect: it repeats the default";

/** Whether a map has no other keys than `defaults`, with the same values. */
function repeats(value: unknown, defaults: Readonly<Record<string, unknown>>): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.entries(value).every(([key, each]) => {
    return Object.hasOwn(defaults, key) && JSON.stringify(each) === JSON.stringify(defaults[key]);
  });
}

/** The warning for a key that no schema knows; null: it is refused. */
export function toleratedKey(section: string, value: unknown): string | null {
  const warning = Object.hasOwn(keys, section) ? keys[section] : undefined;
  return typeof warning === "function" ? warning(value) : (warning ?? null);
}

/** Old names, by the path of the key that holds the kind. */
const oldKinds: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "routers.identifier.kind": { default: "io.l5d.methodAndHost" },
  "routers.service.responseClassifier.kind": {
    "io.l5d.nonRetryable5XX": "io.l5d.http.nonRetryable5XX",
    "io.l5d.retryableRead5XX": "io.l5d.http.retryableRead5XX",
    "io.l5d.retryableIdempotent5XX": "io.l5d.http.retryableIdempotent5XX",
    "io.l5d.retryableAll5XX": "io.l5d.http.retryableAll5XX",
    "io.l5d.allSuccessful": "io.l5d.http.allSuccessful",
  },
  "namers.kind": { "io.l5d.experimental.consul": "io.l5d.consul" },
  "telemetry.kind": { "io.l5d.commonMetrics": "io.l5d.prometheus" },
};

/** Today's name of a kind; null when it is not an old name. */
export function currentKind(section: string, kind: string): string | null {
  const names = Object.hasOwn(oldKinds, section) ? oldKinds[section] : undefined;
  return names !== undefined && Object.hasOwn(names, kind) ? (names[kind] ?? null) : null;
}
