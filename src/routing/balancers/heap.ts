// `kind: heap`: of all endpoints the one with the fewest calls in progress.
//
//   loadBalancer:
//     kind: heap
import * as v from "valibot";
import type { Random } from "../../core/clock.ts";
import { plugin } from "../../core/plugin.ts";
import type { BalancerPlugin, Candidate, Distributor, Node } from "./balancer.ts";
import { rank } from "./balancer.ts";
import { balancerKeys } from "./keys.ts";

export const heap: BalancerPlugin = plugin({
  kind: "heap",
  schema: v.strictObject({ kind: v.literal("heap"), ...balancerKeys() }),
  create: (config, { random }) => ({
    ...config,
    maxEffort: 1, // what it gives is the best there is
    slowStartMs: 0, // asked again it gives the same
    decayTimeMs: null,
    distributor: () => new LeastLoaded(random),
  }),
});

/**
 * A binary heap of open nodes by pending calls; a node's `slot` is its place. A node found down at
 * the top moves to a list beside the heap, which is looked through at each pick while it is not
 * empty: nodes come back as soon as they are open.
 */
class LeastLoaded<E extends Candidate> implements Distributor<E> {
  readonly #random: Random;
  #heap: Node<E>[] = [];
  #down: Node<E>[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  readonly loadChanged = (node: Node<E>): void => {
    if (this.#heap[node.slot] !== node) return; // it is down
    this.#siftUp(node);
    this.#siftDown(node);
  };

  update(nodes: readonly Node<E>[]): void {
    this.#heap = [];
    this.#down = [];
    for (const node of nodes) this.#push(node);
  }

  rebuild(): void {} // statuses are read at each pick

  pick(): Node<E> {
    if (this.#down.length > 0) this.#reviveDown();
    for (;;) {
      const top = this.#heap[0];
      if (top === undefined) return this.#bestDown();
      if (top.endpoint.status === "open") return this.#amongIdle(top);
      this.#removeTop();
      this.#down.push(top);
    }
  }

  #reviveDown(): void {
    const back = this.#down.filter(({ endpoint }) => endpoint.status === "open");
    if (back.length === 0) return;
    this.#down = this.#down.filter(({ endpoint }) => endpoint.status !== "open");
    for (const node of back) this.#push(node);
  }

  #bestDown(): Node<E> {
    const [first, ...others] = this.#down;
    if (first === undefined) throw new Error("bug: a distributor without nodes was asked to pick");
    return others.reduce((a, b) => (isBetterDown(b, a) ? b : a), first);
  }

  /** Without load the heap's order is arbitrary and would always name the same node first. */
  #amongIdle(top: Node<E>): Node<E> {
    if (top.endpoint.pending > 0) return top;
    const other = this.#heap[Math.floor(this.#random() * this.#heap.length)];
    if (other === undefined || other.endpoint.pending > 0) return top;
    return other.endpoint.status === "open" ? other : top;
  }

  #push(node: Node<E>): void {
    node.slot = this.#heap.push(node) - 1;
    this.#siftUp(node);
  }

  #removeTop(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#put(last, 0);
    this.#siftDown(last);
  }

  #put(node: Node<E>, slot: number): void {
    this.#heap[slot] = node;
    node.slot = slot;
  }

  #siftUp(node: Node<E>): void {
    for (;;) {
      const slot = node.slot;
      const parentSlot = (slot - 1) >> 1;
      const parent = this.#heap[parentSlot];
      if (slot === 0 || parent === undefined) return;
      if (parent.endpoint.pending <= node.endpoint.pending) return;
      this.#put(parent, slot);
      this.#put(node, parentSlot);
    }
  }

  #siftDown(node: Node<E>): void {
    for (;;) {
      const slot = node.slot;
      const left = this.#heap[2 * slot + 1];
      const right = this.#heap[2 * slot + 2];
      if (left === undefined) return;
      const isRightLess = right !== undefined && right.endpoint.pending < left.endpoint.pending;
      const child = isRightLess ? right : left;
      if (node.endpoint.pending <= child.endpoint.pending) return;
      const childSlot = child.slot;
      this.#put(child, slot);
      this.#put(node, childSlot);
    }
  }
}

function isBetterDown<E extends Candidate>(a: Node<E>, b: Node<E>): boolean {
  const byStatus = rank(a.endpoint.status) - rank(b.endpoint.status);
  return byStatus < 0 || (byStatus === 0 && a.endpoint.pending < b.endpoint.pending);
}
