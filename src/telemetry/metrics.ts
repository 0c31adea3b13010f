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
  /** The number of the slice in progress of all histograms. */
  readonly slice: number;
  /** Stops the timer that moves the window of the histograms. */
  close(): void;
}

/**
 * The shared scope of a full parent. It keeps no gauges, since they cannot be added up, and where its
 * users disagree about the kind of a metric, it keeps the first.
 */
const overflowName = "(other)";

/** Bounds what callers can make this process count, since they choose names. */
export interface MetricsLimits {
  /** Child scopes of one scope. */
  readonly maxScopes: number;
  /** Lines of the Prometheus page, beyond which no service or client gets a new scope. */
  readonly maxSeries: number;
  /** Bytes of one scope's name. */
  readonly maxNameBytes: number;
}

const usualLimits: MetricsLimits = { maxScopes: 2_000, maxSeries: 300_000, maxNameBytes: 255 };

/** Of a histogram: its buckets, sum and count. */
const seriesPerHistogram = 17;

/** What a scope is, by where it stands. Callers name the children of `services` and `clients`. */
type Role = "root" | "routers" | "router" | "services" | "clients" | "client" | "other";

/** `rt/<router>/service/<name>`, `rt/<router>/client/<id>/service/<name>`. */
function roleOf(name: string, parent: Role): Role {
  switch (parent) {
    case "root":
      return name === "rt" ? "routers" : "other";
    case "routers":
      return "router";
    case "router":
      return name === "service" ? "services" : name === "client" ? "clients" : "other";
    case "clients":
      return "client";
    case "client":
      return name === "service" ? "services" : "other";
    default:
      return "other";
  }
}

/**
 * Owns one timer. What goes beyond the limits shares the scope `(other)`, and `metrics/overflowed`
 * counts how often a scope was refused.
 */
export function openMetrics(clock: Clock, limits: Partial<MetricsLimits> = {}): Metrics {
  const slices: CurrentSlice = { slice: 0 };
  const overflowed: CounterMetric = { kind: "counter", value: 0 };
  const tree: Tree = { ...usualLimits, ...limits, slices, overflowed };
  const root = new Node(null, "", false);
  const scope = new Scope(root, tree);
  root.child("metrics", tree).child("overflowed", tree).set(overflowed);
  scope.gauge(() => root.series, "metrics", "series");
  return {
    stats: scope,
    root,
    get slice() {
      return slices.slice;
    },
    close: every(clock, sliceMs, () => (slices.slice += 1)),
  };
}

/** What all scopes of one tree share. */
interface Tree extends MetricsLimits {
  readonly slices: CurrentSlice;
  readonly overflowed: Counter;
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
  readonly isOverflow: boolean;
  /** Lines of the Prometheus page, of this scope and everything below it. */
  series = 0;
  #metric: Metric | null = null;
  /** null: the root, or removed from the tree. */
  #parent: Node | null;
  #name: string;
  readonly #role: Role;
  #children: Map<string, Node> | null = null;

  constructor(parent: Node | null, name: string, isOverflow: boolean) {
    this.#parent = parent;
    this.#name = name;
    this.#role = parent === null ? "root" : roleOf(name, parent.#role);
    this.isOverflow = isOverflow;
  }

  get metric(): Metric | null {
    return this.#metric;
  }

  get children(): ReadonlyMap<string, Node> {
    return this.#children ?? childless;
  }

  set(metric: Metric): void {
    this.#count(seriesOf(metric) - seriesOf(this.#metric));
    this.#metric = metric;
  }

  child(name: string, tree: Tree): Node {
    this.#children ??= new Map();
    const known = this.#children.get(name);
    if (known !== undefined) return known;
    if (this.#hasRoomFor(name, tree)) return this.#add(name, this.isOverflow);
    tree.overflowed.value += 1;
    return this.#children.get(overflowName) ?? this.#add(overflowName, true);
  }

  /** Replaces any other node of that name. */
  rename(name: string): void {
    const parent = this.#parent;
    if (parent === null || this.isOverflow) return;
    this.detach();
    parent.#children?.get(name)?.detach();
    this.#name = name;
    this.#parent = parent;
    parent.#children?.set(name, this);
    parent.#count(this.series);
  }

  /** Removes this node from the tree. The root and the shared overflow scopes stay. */
  detach(): void {
    const parent = this.#parent;
    if (parent === null || this.isOverflow) return;
    parent.#children?.delete(this.#name);
    parent.#count(-this.series);
    this.#parent = null;
  }

  #hasRoomFor(name: string, tree: Tree): boolean {
    if (this.children.size >= tree.maxScopes || bytesOf(name) > tree.maxNameBytes) return false;
    const isNamedByCallers = this.#role === "services" || this.#role === "clients";
    return !isNamedByCallers || this.#root.series < tree.maxSeries;
  }

  get #root(): Node {
    return this.#parent === null ? this : this.#parent.#root;
  }

  #add(name: string, isOverflow: boolean): Node {
    const node = new Node(this, name, isOverflow);
    this.#children?.set(name, node);
    return node;
  }

  #count(series: number): void {
    this.series += series;
    if (this.#parent !== null) this.#parent.#count(series);
  }
}

function seriesOf(metric: Metric | null): number {
  if (metric === null) return 0;
  return metric.kind === "histogram" ? seriesPerHistogram : 1;
}

/** Reads most names by their length alone: three bytes is the most that a character takes. */
function bytesOf(name: string): number {
  return name.length * 3 <= usualLimits.maxNameBytes ? name.length : Buffer.byteLength(name);
}

class Scope implements Stats {
  readonly #node: Node;
  readonly #tree: Tree;

  constructor(node: Node, tree: Tree) {
    this.#node = node;
    this.#tree = tree;
  }

  counter(...name: readonly string[]): Counter {
    const node = this.#find(name);
    if (node.metric === null) node.set({ kind: "counter", value: 0 });
    const { metric } = node;
    if (metric?.kind === "counter") return metric;
    if (node.isOverflow) return { value: 0 };
    return conflict(name, metric, "counter");
  }

  histogram(...name: readonly string[]): Histogram {
    const node = this.#find(name);
    if (node.metric === null) node.set(new WindowedHistogram(this.#tree.slices));
    const { metric } = node;
    if (metric?.kind === "histogram") return metric;
    if (node.isOverflow) return new WindowedHistogram(this.#tree.slices);
    return conflict(name, metric, "histogram");
  }

  gauge(read: () => number, ...name: readonly string[]): void {
    const node = this.#find(name);
    if (node.isOverflow) return;
    if (node.metric !== null && node.metric.kind !== "gauge") conflict(name, node.metric, "gauge");
    node.set({ kind: "gauge", read });
  }

  tally(read: () => number, ...name: readonly string[]): void {
    const node = this.#find(name);
    const { metric } = node;
    if (node.isOverflow) return;
    if (metric !== null && metric.kind !== "counter") conflict(name, metric, "counter");
    node.set(new Tally(read));
  }

  scope(...name: readonly string[]): Stats {
    return new Scope(this.#find(name), this.#tree);
  }

  rename(part: string): void {
    this.#node.rename(part);
  }

  prune(): void {
    this.#node.detach();
  }

  #find(name: readonly string[]): Node {
    return name.reduce((node, part) => node.child(part, this.#tree), this.#node);
  }
}

function conflict(name: readonly string[], is: Metric | null, wanted: string): never {
  throw new Error(
    `bug: metric ${name.join("/")} is a ${is?.kind}, but was requested as a ${wanted}`,
  );
}

/** A metric and the names of its scopes, outermost first. */
export interface NamedMetric {
  /** Reused: valid only until the next metric is requested. */
  readonly name: readonly string[];
  readonly metric: Metric;
}

/**
 * Each metric at and below `node`, whose own name is `name`. Scopes may come and go meanwhile: of each
 * scope those children are visited that it has when its turn comes, so that the walk ends.
 */
export function* metricsBelow(node: MetricsNode, name: string[]): Iterable<NamedMetric> {
  if (node.metric !== null) yield { name, metric: node.metric };
  for (const [part, child] of Array.from(node.children)) {
    name.push(part);
    yield* metricsBelow(child, name);
    name.pop();
  }
}
