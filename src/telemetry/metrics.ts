// The metrics of the process: a tree of scopes that the data path writes and exporters read.
import type { Clock, Close } from "../core/clock.ts";
import type { Counter, Histogram, Stats } from "../core/stats.ts";
import { WindowedHistogram, sliceMs, type CurrentSlice } from "./histogram.ts";

interface CounterMetric extends Counter {
  readonly kind: "counter";
}
/** A counter whose value is kept elsewhere. */
class Tally implements CounterMetric {
  readonly kind = "counter";
  readonly #read: () => number;

  constructor(read: () => number) {
    this.#read = read;
  }

  get value(): number {
    return this.#read();
  }
}
interface GaugeMetric {
  readonly kind: "gauge";
  readonly read: () => number;
}
export type Metric = CounterMetric | GaugeMetric | WindowedHistogram;

/** A scope as exporters see it: a metric, child scopes, or both (`failures`, `failures/x`). */
export interface MetricsNode {
  readonly metric: Metric | null;
  readonly children: ReadonlyMap<string, MetricsNode>;
}

export interface Metrics {
  /** The root scope for code that counts. */
  readonly stats: Stats;
  /** The same tree for exporters. */
  readonly root: MetricsNode;
  /** Stops the timer that moves the window of the histograms. */
  close(): void;
}

/** The shared scope of a full parent. It keeps no gauges, since they cannot be added up. */
const overflowName = "(other)";
const scopesPerScope = 2_000;

/**
 * Owns one timer. Callers choose names, so a scope has at most `maxScopes` child scopes: the rest
 * share the scope `(other)`, and `metrics/overflowed` counts how often a scope was refused.
 */
export function openMetrics(clock: Clock, maxScopes: number = scopesPerScope): Metrics {
  const slices: CurrentSlice = { slice: 0 };
  const root = new Node(null, "", false);
  const overflowed: CounterMetric = { kind: "counter", value: 0 };
  root.child("metrics", Infinity, overflowed).child("overflowed", Infinity, overflowed).metric =
    overflowed;
  return {
    stats: new Scope(root, { slices, maxScopes, overflowed }),
    root,
    close: every(clock, sliceMs, () => (slices.slice += 1)),
  };
}

/** Calls `run` every `periodMs`, without drift if one call is late. */
function every(clock: Clock, periodMs: number, run: () => void): Close {
  let dueMs = clock.nowMs() + periodMs;
  const ring = () => {
    for (; dueMs <= clock.nowMs(); dueMs += periodMs) run();
    cancel = clock.after(dueMs - clock.nowMs(), ring);
  };
  let cancel = clock.after(periodMs, ring);
  return () => cancel();
}

const childless: ReadonlyMap<string, Node> = new Map();

class Node implements MetricsNode {
  metric: Metric | null = null;
  readonly isOverflow: boolean;
  readonly #parent: Node | null;
  #name: string;
  #children: Map<string, Node> | null = null;

  constructor(parent: Node | null, name: string, isOverflow: boolean) {
    this.#parent = parent;
    this.#name = name;
    this.isOverflow = isOverflow;
  }

  get children(): ReadonlyMap<string, Node> {
    return this.#children ?? childless;
  }

  child(name: string, maxScopes: number, overflowed: Counter): Node {
    this.#children ??= new Map();
    const known = this.#children.get(name);
    if (known !== undefined) return known;
    if (this.#children.size < maxScopes) return this.#add(name, this.isOverflow);
    overflowed.value += 1;
    return this.#children.get(overflowName) ?? this.#add(overflowName, true);
  }

  /** Replaces any other node of that name. */
  rename(name: string): void {
    const parent = this.#parent;
    if (parent === null || this.isOverflow) return;
    this.detach();
    this.#name = name;
    parent.#children?.set(name, this);
  }

  /** Removes this node from the tree. The root and the shared overflow scopes stay. */
  detach(): void {
    const parent = this.#parent;
    if (parent === null || this.isOverflow) return;
    if (parent.#children?.get(this.#name) === this) parent.#children.delete(this.#name);
  }

  #add(name: string, isOverflow: boolean): Node {
    const node = new Node(this, name, isOverflow);
    this.#children?.set(name, node);
    return node;
  }
}

/** State that all scopes of one tree share. */
interface Shared {
  readonly slices: CurrentSlice;
  readonly maxScopes: number;
  readonly overflowed: Counter;
}

class Scope implements Stats {
  readonly #node: Node;
  readonly #shared: Shared;

  constructor(node: Node, shared: Shared) {
    this.#node = node;
    this.#shared = shared;
  }

  counter(...name: readonly string[]): Counter {
    const node = this.#find(name);
    node.metric ??= { kind: "counter", value: 0 };
    return node.metric.kind === "counter" ? node.metric : conflict(name, node.metric, "counter");
  }

  histogram(...name: readonly string[]): Histogram {
    const node = this.#find(name);
    node.metric ??= new WindowedHistogram(this.#shared.slices);
    if (node.metric.kind === "histogram") return node.metric;
    return conflict(name, node.metric, "histogram");
  }

  gauge(read: () => number, ...name: readonly string[]): void {
    const node = this.#find(name);
    if (node.metric !== null && node.metric.kind !== "gauge") conflict(name, node.metric, "gauge");
    if (!node.isOverflow) node.metric = { kind: "gauge", read };
  }

  tally(read: () => number, ...name: readonly string[]): void {
    const node = this.#find(name);
    const { metric } = node;
    if (metric !== null && metric.kind !== "counter") conflict(name, metric, "counter");
    if (!node.isOverflow) node.metric = new Tally(read);
  }

  scope(...name: readonly string[]): Stats {
    return new Scope(this.#find(name), this.#shared);
  }

  rename(part: string): void {
    this.#node.rename(part);
  }

  prune(): void {
    this.#node.detach();
  }

  #find(name: readonly string[]): Node {
    const { maxScopes, overflowed } = this.#shared;
    return name.reduce((node, part) => node.child(part, maxScopes, overflowed), this.#node);
  }
}

function conflict(name: readonly string[], is: Metric, wanted: string): never {
  throw new Error(
    `bug: metric ${name.join("/")} is a ${is.kind}, but was requested as a ${wanted}`,
  );
}

/** A metric and the names of its scopes, outermost first. */
export interface NamedMetric {
  /** Reused: valid only until the next metric is requested. */
  readonly name: readonly string[];
  readonly metric: Metric;
}

/** Each metric at and below `node`, whose own name is `name`. Scopes may come and go meanwhile. */
export function* metricsBelow(node: MetricsNode, name: string[]): Iterable<NamedMetric> {
  if (node.metric !== null) yield { name, metric: node.metric };
  for (const [part, child] of node.children) {
    name.push(part);
    yield* metricsBelow(child, name);
    name.pop();
  }
}
