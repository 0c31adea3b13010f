// Calls that fail or are refused: what the counters of the metrics say of the last minute.
import type { Step } from "../../config/yaml/yaml.ts";
import type { MetricsNode } from "../../telemetry/metrics.ts";
import type { FailureKind } from "../../core/failure.ts";
import { counted } from "./finding.ts";
import type { Finding, Findings } from "./finding.ts";
import { counterAt, ScopeWindows } from "./windows.ts";
import type { CounterPath } from "./windows.ts";

/** Of fewer failures a minute no rate is worth a problem. */
const minFailures = 5;
const warningShare = 0.05;
const criticalShare = 0.5;
/** A problem that is shown stays until the share is below this part of its limit. */
const untilShare = 0.5;

interface Rise {
  /** The counter, below the scope. */
  readonly path: CounterPath;
  finding(name: string, count: number): Pick<Finding, "kind" | "severity" | "text" | "advice">;
}

const ofServices: readonly Rise[] = [
  {
    path: ["retries", "budget_exhausted"],
    finding: (name, count) => ({
      kind: "retry-budget-empty",
      severity: "warning",
      text: `The retry budget of ${name} is empty: ${counted(count, "call")} of the last minute failed without another attempt.`,
      advice:
        "Look for the cause of the failures first; retries.budget of the service is its size.",
    }),
  },
  {
    path: ["failures", "limited"],
    finding: (name, count) => ({
      kind: "calls-limited",
      severity: "warning",
      text: `${counted(count, "call")} of ${name} in the last minute met a limit: a rateLimit, or an endpoint that refused them as too many.`,
      advice: "Raise rateLimit, add endpoints, or find the caller that sends so many (access log).",
    }),
  },
  {
    path: ["failures", "exhausted"],
    finding: (name, count) => ({
      kind: "calls-limited",
      severity: "critical",
      text: `${counted(count, "call")} of ${name} in the last minute found no free connection, endpoint or place in a queue.`,
      advice:
        "Add endpoints, or raise the pool of the client (hostConnectionPool); see /endpoints.json for what is busy.",
    }),
  },
];

const ofClients: readonly Rise[] = [
  {
    path: ["retries", "budget_exhausted"],
    finding: (name, count) => ({
      kind: "retry-budget-empty",
      severity: "warning",
      text: `The requeue budget of ${name} is empty: ${counted(count, "call")} of the last minute went to no other endpoint.`,
      advice: "Look for the cause of the failures first; requeueBudget of the client is its size.",
    }),
  },
  {
    path: ["loadbalancer", "panicked"],
    finding: (name, count) => ({
      kind: "balancer-panic",
      severity: "critical",
      text: `So few endpoints of ${name} are open that ${counted(count, "call")} of the last minute went to any of them.`,
      advice: "Bring the endpoints back; panicThreshold of the balancer says when this happens.",
    }),
  },
];

const ofServers: readonly Rise[] = [
  {
    path: ["failures", "exhausted"],
    finding: (name, count) => ({
      kind: "calls-shed",
      severity: "critical",
      text: `The server ${name} refused ${counted(count, "call")} in the last minute because something is full.`,
      advice:
        "Raise maxConcurrentRequests, or limits; the error of a refused call names the limit.",
    }),
  },
];

const ofProcess: readonly Rise[] = [
  {
    path: ["shed", "lag"],
    finding: (_, count) => ({
      kind: "calls-shed",
      severity: "critical",
      text: `${counted(count, "call")} of the last minute were shed because the event loop is late (limits.shedAboveLagMs).`,
      advice:
        "Run more instances, or give this one more of a processor; /admin/profile shows what takes the time.",
    }),
  },
  {
    path: ["shed", "buffered"],
    finding: (_, count) => ({
      kind: "calls-shed",
      severity: "critical",
      text: `${counted(count, "call")} of the last minute were shed because calls in progress hold too many bytes (limits.maxBufferedMB).`,
      advice:
        "Look for slow readers and large messages; raise limits.maxBufferedMB if there is memory.",
    }),
  },
  {
    path: ["refused_connections"],
    finding: (_, count) => ({
      kind: "connections-refused",
      severity: "critical",
      text: `${counted(count, "connection")} of callers were refused in the last minute (limits.maxConnections).`,
      advice: "Raise limits.maxConnections, or run more instances.",
    }),
  },
  {
    path: ["refused_for_lack_of_files"],
    finding: (_, count) => ({
      kind: "connections-refused",
      severity: "critical",
      text: `${counted(count, "connection")} of callers were refused in the last minute: this process has too many open files.`,
      advice: "Raise the limit of open files (ulimit -n, LimitNOFILE).",
    }),
  },
];

const ofRouter: readonly Rise[] = [
  {
    path: ["access_log", "lost"],
    finding: (name, count) => ({
      kind: "log-lines-lost",
      severity: "warning",
      text: `${counted(count, "line")} of the access log of ${name} were lost in the last minute: the disk is full, or too slow.`,
      advice:
        "Make room on the disk, or let the log keep fewer files (rotateCount); the process log has the error.",
    }),
  },
];

const inWords: Readonly<Partial<Record<FailureKind, string>>> = {
  connect: "without a connection",
  timeout: "too late",
  closed: "by a connection that broke",
  malformed: "by a response that is not valid",
  exhausted: "for lack of room",
  limited: "by a limit",
  unresolved: "without discovery",
  unbound: "without an address",
};

const failureWords = Object.entries(inWords).map(([kind, words]) => ({
  path: ["failures", kind],
  words,
}));
const none: readonly Finding[] = [];
const requestsPath: CounterPath = ["requests"];
const failuresPath: CounterPath = ["failures"];

/** The scope that is looked at, as its findings have it. */
interface About extends Pick<Finding, "key" | "steps" | "subject"> {
  readonly name: string;
}

/** Owned by the board: remembers the counters' values of the last minute. */
export class Traffic {
  readonly #windows = new WeakMap<MetricsNode, ScopeWindows>();
  readonly #stepsOf: (router: string, section: string) => readonly Step[];

  constructor(stepsOf: (router: string, section: string) => readonly Step[]) {
    this.#stepsOf = stepsOf;
  }

  *findings(root: MetricsNode, nowMs: number, isShown: (id: string) => boolean): Findings {
    const limits = root.children.get("limits");
    const ofLimits = () => ({ key: "", name: "", steps: ["limits"], subject: {} });
    if (limits !== undefined) yield* this.#rises(limits, ofProcess, ofLimits, nowMs);
    for (const [label, router] of Array.from(root.children.get("rt")?.children ?? [])) {
      yield* this.#ofRouter(label, router, nowMs, isShown);
    }
  }

  *#ofRouter(
    label: string,
    router: MetricsNode,
    nowMs: number,
    isShown: (id: string) => boolean,
  ): Findings {
    const about = (name: string, section: string, subject: Finding["subject"]): About => ({
      key: `${label} ${name}`.trim(),
      name,
      steps: this.#stepsOf(label, section),
      subject: { router: label, ...subject },
    });
    yield* this.#rises(router, ofRouter, () => ({ ...about("", "", {}), name: label }), nowMs);
    for (const [name, scope] of childrenOf(router, "server")) {
      yield* this.#rises(scope, ofServers, () => about(name, "servers", {}), nowMs);
    }
    for (const [name, scope] of childrenOf(router, "client")) {
      const client = () => about(`/${name}`, "client", { client: `/${name}` });
      yield null;
      yield* this.#rises(scope, ofClients, client, nowMs);
    }
    for (const [name, scope] of childrenOf(router, "service")) {
      yield null;
      if (name.startsWith("(")) continue;
      const service = () => about(`/${name}`, "service", { name: `/${name}` });
      yield* this.#rises(scope, ofServices, service, nowMs);
      const failing = this.#failing(scope, service, nowMs, isShown);
      if (failing !== null) yield failing;
    }
  }

  /** There are thousands of scopes, and in nearly all of them nothing has happened ever: that is seen first. */
  #rises(
    scope: MetricsNode,
    rises: readonly Rise[],
    about: () => About,
    nowMs: number,
  ): readonly Finding[] {
    let found = none;
    for (const { path, finding } of rises) {
      if (counterAt(scope, path) === 0) continue;
      const { inMinute, lately } = this.#windowsOf(scope).read(scope, path, nowMs);
      if (lately === 0) continue;
      const { key, name, steps, subject } = about();
      const id = `${key} ${path.join("/")}`.trim();
      found = [...found, { ...finding(name, inMinute), key: id, steps, subject }];
    }
    return found;
  }

  #failing(
    scope: MetricsNode,
    about: () => About,
    nowMs: number,
    isShown: (id: string) => boolean,
  ): Finding | null {
    const windows = this.#windowsOf(scope);
    const requests = windows.read(scope, requestsPath, nowMs).inMinute;
    if (counterAt(scope, failuresPath) === 0) return null;
    const { inMinute: failures, lately } = windows.read(scope, failuresPath, nowMs);
    if (failures === 0) return null;
    const { key, name, steps, subject } = about();
    const how = this.#how(scope, failures, nowMs); // at each look, so that it has a minute to compare
    const kind = "requests-failing";
    const part = isShown(`${kind} ${key}`) ? untilShare : 1;
    const share = requests === 0 ? 0 : failures / requests;
    if (lately === 0 || failures < minFailures * part || share < warningShare * part) return null;
    return {
      kind,
      key,
      severity: share >= criticalShare * part ? "critical" : "warning",
      text: `${failures.toLocaleString("en-US")} of ${counted(requests, "call")} of ${name} failed in the last minute (${Math.round(share * 100)} %): ${how}.`,
      advice: `See the failed calls (/requests.json?name=${name}&failed=true) and the endpoints (/endpoints.json).`,
      steps,
      subject,
    };
  }

  /** `30 by a response of the service, 7 without a connection`. */
  #how(scope: MetricsNode, failures: number, nowMs: number): string {
    const windows = this.#windowsOf(scope);
    let rest = failures;
    const kinds: { readonly count: number; readonly words: string }[] = [];
    for (const { path, words } of failureWords) {
      const count = windows.read(scope, path, nowMs).inMinute;
      if (count > 0) kinds.push({ count, words });
      rest -= count;
    }
    if (rest > 0) kinds.push({ count: rest, words: "by the response of the service" });
    kinds.sort((a, b) => b.count - a.count);
    return kinds.map(({ count, words }) => `${count.toLocaleString("en-US")} ${words}`).join(", ");
  }

  #windowsOf(scope: MetricsNode): ScopeWindows {
    let windows = this.#windows.get(scope);
    if (windows === undefined) this.#windows.set(scope, (windows = new ScopeWindows()));
    return windows;
  }
}

function childrenOf(node: MetricsNode, name: string): readonly (readonly [string, MetricsNode])[] {
  return Array.from(node.children.get(name)?.children ?? []);
}
