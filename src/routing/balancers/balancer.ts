// What every balancer shares: nodes, weight classes, and how often to look for an open endpoint.
import type { Clock, Random } from "../../core/clock.ts";
import type { Plugin } from "../../core/plugin.ts";
import type { Address } from "../../core/address.ts";
import type { GenericSchema } from "../../core/schema.ts";
import type { Counter } from "../../core/stats.ts";
import { aliasTable } from "./alias.ts";
import { PeakEwma } from "./peak-ewma.ts";

/** `busy`: failing or out of connections, used only when none is open. */
export type Status = "open" | "busy" | "closed";

/** What a balancer sees of an endpoint. */
export interface Candidate {
  readonly address: Address;
  /** Calls started and not yet ended. */
  readonly pending: number;
  readonly status: Status;
}

interface BalancerDeps {
  readonly clock: Clock;
  readonly random: Random;
}

/** One configured kind of balancing; each cluster starts its own. */
export interface Balancing {
  /** As configured; also the name of its gauge below `loadbalancer`. */
  readonly kind: string;
  /** Addresses that discovery removes stay while they are open. */
  readonly enableProbation: boolean;
  /** With fewer percent of its endpoints open it takes any, open or not; 0: never. */
  readonly panicThreshold: number;
  /** Picks before an endpoint that is not open is taken. */
  readonly maxEffort: number;
  /** A new endpoint, and one that was dead, gets its full share only after so long; 0: immediately. */
  readonly slowStartMs: number;
  /** Measure load as latency that decays over so long; null: as the number of pending calls. */
  readonly decayTimeMs: number | null;
  /** Made for each class of equal weight. */
  distributor<E extends Candidate>(): Distributor<E>;
}
export type BalancerPlugin = Plugin<GenericSchema, BalancerDeps, Balancing>;

/** Chooses among nodes of equal weight. */
export interface Distributor<E extends Candidate> {
  /** Called when nodes came or went. Never with an empty list. */
  update(nodes: readonly Node<E>[]): void;
  /** Picks found none that is open: look at every status again. */
  rebuild(): void;
  /** Some node, the better of those it looks at; open or not. */
  pick(nowMs: number): Node<E>;
  /** After a call began (1) or ended (-1); null when it does not matter. */
  readonly loadChanged: ((node: Node<E>, delta: 1 | -1, nowMs: number) => void) | null;
}

/** One endpoint as its balancer knows it; lives as long as the endpoint, whatever its weight. */
export class Node<E extends Candidate> {
  readonly endpoint: E;
  /** null: load is the number of pending calls. */
  readonly latency: PeakEwma | null;
  /** Random, and the same for life: the order in which an aperture opens. */
  readonly token: number;
  /** The class it is in now; null when it was taken out. */
  distributor: Distributor<E> | null = null;
  /** When it joined those that were there, or came back to them. */
  sinceMs = -Infinity;
  /** The distributor's own note, such as the place in its heap. */
  slot = 0;

  constructor(endpoint: E, latency: PeakEwma | null, token: number) {
    this.endpoint = endpoint;
    this.latency = latency;
    this.token = token;
  }

  load(nowMs: number): number {
    const { pending } = this.endpoint;
    return this.latency === null ? pending : this.latency.load(nowMs, pending);
  }

  /** After `endpoint.pending` went up. */
  began(nowMs: number): void {
    this.distributor?.loadChanged?.(this, 1, nowMs);
  }

  /** After `endpoint.pending` went down. */
  ended(nowMs: number): void {
    this.distributor?.loadChanged?.(this, -1, nowMs);
  }
}

export interface BalancerCounters {
  readonly maxEffortExhausted: Counter;
  readonly rebuilds: Counter;
  /** Picks for which too few endpoints were open: see `panicThreshold`. */
  readonly panics: Counter;
}

/** For so long a count of open endpoints is good enough. */
const lookAgainMs = 100;

interface WeightClass<E extends Candidate> {
  readonly weight: number;
  readonly distributor: Distributor<E>;
  nodes: Node<E>[];
}

/**
 * Splits addresses into classes of equal weight, takes a class with the probability of its weight
 * times its size, and lets the distributor choose within. Owns no endpoint.
 */
export class Balancer<E extends Candidate> {
  readonly #balancing: Balancing;
  readonly #random: Random;
  readonly #maxEffortExhausted: Counter;
  readonly #rebuilds: Counter;
  readonly #panics: Counter;
  #lookAgainMs = -Infinity;
  #isPanicking = false;
  #classes: readonly WeightClass<E>[] = [];
  /** The place of a class by its share; null while there is only one class. */
  #draw: ((random: Random) => number) | null = null;

  constructor(balancing: Balancing, random: Random, counters: BalancerCounters) {
    this.#balancing = balancing;
    this.#random = random;
    this.#maxEffortExhausted = counters.maxEffortExhausted;
    this.#rebuilds = counters.rebuilds;
    this.#panics = counters.panics;
  }

  /** The node for a new endpoint; it takes part from the next `update`. */
  node(endpoint: E): Node<E> {
    const { decayTimeMs } = this.#balancing;
    const latency = decayTimeMs === null ? null : new PeakEwma(decayTimeMs);
    return new Node(endpoint, latency, this.#random());
  }

  /** Nodes came, went or changed their weight. */
  update(nodes: readonly Node<E>[]): void {
    const before = new Map(this.#classes.map((each) => [each.weight, each]));
    const after = new Map<number, WeightClass<E>>();
    for (const { nodes: old } of this.#classes) for (const node of old) node.distributor = null;
    for (const node of nodes) {
      const { weight } = node.endpoint.address;
      let found = after.get(weight);
      if (found === undefined) {
        const distributor = before.get(weight)?.distributor ?? this.#balancing.distributor<E>();
        found = { weight, distributor, nodes: [] };
        after.set(weight, found);
      }
      found.nodes.push(node);
      node.distributor = found.distributor;
    }
    this.#classes = Array.from(after.values());
    for (const { distributor, nodes: members } of this.#classes) distributor.update(members);
    const shares = this.#classes.map((each) => each.weight * each.nodes.length);
    this.#draw = shares.length > 1 ? aliasTable(shares) : null;
    this.#rebuilds.value++;
  }

  /** null when there is nothing to choose from. Never throws, never waits. */
  pick(nowMs: number): Node<E> | null {
    const index = this.#draw === null ? 0 : this.#draw(this.#random);
    const chosen = this.#classes[index];
    if (chosen === undefined) return null;
    if (this.#balancing.panicThreshold > 0 && this.#hasTooFewOpen(nowMs)) {
      this.#panics.value++;
      return lessLoadedOfTwo(chosen.nodes, this.#random, nowMs);
    }
    return this.#pickOpen(chosen.distributor, nowMs) ?? this.#panic(index, chosen, nowMs);
  }

  /** Looked at now and then, not at each pick. */
  #hasTooFewOpen(nowMs: number): boolean {
    if (nowMs < this.#lookAgainMs) return this.#isPanicking;
    this.#lookAgainMs = nowMs + lookAgainMs;
    let [all, open] = [0, 0];
    for (const { nodes } of this.#classes) {
      all += nodes.length;
      for (const node of nodes) if (isOpen(node)) open++;
    }
    this.#isPanicking = open * 100 < this.#balancing.panicThreshold * all;
    return this.#isPanicking;
  }

  #pickOpen(distributor: Distributor<E>, nowMs: number): Node<E> | null {
    const { maxEffort, slowStartMs } = this.#balancing;
    let cold: Node<E> | null = null;
    for (let effort = 0; effort < maxEffort; effort++) {
      const node = distributor.pick(nowMs);
      if (node.endpoint.status !== "open") continue;
      if (slowStartMs === 0 || this.#isWarmEnough(node, nowMs - slowStartMs)) return node;
      cold = node;
    }
    return cold;
  }

  /** By chance: the share of its picks that it keeps grows with its age, from a tenth to all. */
  #isWarmEnough(node: Node<E>, warmBeforeMs: number): boolean {
    const coldForMs = node.sinceMs - warmBeforeMs;
    if (coldForMs <= 0) return true;
    const { slowStartMs } = this.#balancing;
    const ageMs = Math.max(slowStartMs - coldForMs, 1_000);
    return this.#random() < Math.max(0.1, ageMs / slowStartMs);
  }

  /** No pick was open: any open one of this class, or of the next; without one, any node. */
  #panic(index: number, chosen: WeightClass<E>, nowMs: number): Node<E> {
    const classes = this.#classes;
    this.#maxEffortExhausted.value++;
    this.#rebuilds.value++;
    chosen.distributor.rebuild();
    for (let i = 0; i < classes.length; i++) {
      const nodes = classes[(index + i) % classes.length]?.nodes ?? [];
      const node = firstOpen(nodes, Math.floor(this.#random() * nodes.length));
      if (node !== null) return node;
    }
    return chosen.distributor.pick(nowMs);
  }
}

function isOpen<E extends Candidate>(node: Node<E>): boolean {
  return node.endpoint.status === "open";
}

/** From a random place: as many steps as there are nodes for each open one, on average. */
function firstOpen<E extends Candidate>(nodes: readonly Node<E>[], start: number): Node<E> | null {
  for (let i = 0; i < nodes.length; i++) {
    const node = nodes[(start + i) % nodes.length];
    if (node !== undefined && isOpen(node)) return node;
  }
  return null;
}

/** Health aside: when most are ill, the few that are not would drown. */
function lessLoadedOfTwo<E extends Candidate>(
  nodes: readonly Node<E>[],
  random: Random,
  nowMs: number,
): Node<E> {
  const first = Math.floor(random() * nodes.length);
  const other = Math.floor(random() * (nodes.length - 1));
  const a = nodes[first];
  const b = nodes[other >= first ? other + 1 : other] ?? a;
  if (a === undefined || b === undefined) throw new Error("bug: a class without nodes");
  return b.load(nowMs) < a.load(nowMs) ? b : a;
}

/** The healthier of two, and of equally healthy ones the less loaded; `a` when nothing differs. */
export function better<E extends Candidate>(a: Node<E>, b: Node<E>, nowMs: number): Node<E> {
  const statusA = a.endpoint.status;
  const statusB = b.endpoint.status;
  if (statusA !== statusB) return rank(statusA) < rank(statusB) ? a : b;
  return b.load(nowMs) < a.load(nowMs) ? b : a;
}

export function rank(status: Status): number {
  switch (status) {
    case "open":
      return 0;
    case "busy":
      return 1;
    case "closed":
      return 2;
    default:
      return status satisfies never;
  }
}
