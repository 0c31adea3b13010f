// What every balancer shares: nodes, weight classes, and how often to look for an open endpoint.
import type { Clock, Random } from "../../core/clock.ts";
import type { Plugin } from "../../core/plugin.ts";
import type { Address } from "../../core/protocol.ts";
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
  /** Picks before an endpoint that is not open is taken. */
  readonly maxEffort: number;
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
  #classes: readonly WeightClass<E>[] = [];
  /** The place of a class by its share; null while there is only one class. */
  #draw: ((random: Random) => number) | null = null;

  constructor(
    balancing: Balancing,
    random: Random,
    counters: { readonly maxEffortExhausted: Counter; readonly rebuilds: Counter },
  ) {
    this.#balancing = balancing;
    this.#random = random;
    this.#maxEffortExhausted = counters.maxEffortExhausted;
    this.#rebuilds = counters.rebuilds;
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
    for (const { nodes: gone } of this.#classes) for (const node of gone) node.distributor = null;
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
    return this.#pickOpen(chosen.distributor, nowMs) ?? this.#panic(index, chosen, nowMs);
  }

  #pickOpen(distributor: Distributor<E>, nowMs: number): Node<E> | null {
    const { maxEffort } = this.#balancing;
    for (let effort = 0; effort < maxEffort; effort++) {
      const node = distributor.pick(nowMs);
      if (node.endpoint.status === "open") return node;
    }
    return null;
  }

  /** No pick was open: the next class that has an open one; else any node, open or not. */
  #panic(index: number, chosen: WeightClass<E>, nowMs: number): Node<E> {
    const classes = this.#classes;
    for (let i = 1; i < classes.length; i++) {
      const other = classes[(index + i) % classes.length];
      if (other === undefined || !other.nodes.some(isOpen)) continue;
      const node = this.#pickOpen(other.distributor, nowMs);
      if (node !== null) return node;
    }
    this.#maxEffortExhausted.value++;
    this.#rebuilds.value++;
    chosen.distributor.rebuild();
    return chosen.distributor.pick(nowMs);
  }
}

function isOpen<E extends Candidate>(node: Node<E>): boolean {
  return node.endpoint.status === "open";
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
