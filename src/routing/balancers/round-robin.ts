// `kind: roundRobin`: one endpoint after the other, those that are open.
//
//   loadBalancer:
//     kind: roundRobin
//     maxEffort: 5
import * as v from "valibot";
import { plugin } from "../../core/plugin.ts";
import type { BalancerPlugin, Candidate, Distributor, Node } from "./balancer.ts";
import { balancerKeys, maxEffort, slowStart } from "./keys.ts";

export const roundRobin: BalancerPlugin = plugin({
  kind: "roundRobin",
  schema: v.strictObject({
    kind: v.literal("roundRobin"),
    ...balancerKeys(),
    maxEffort: maxEffort(),
    slowStartMs: slowStart(),
  }),
  create: (config) => ({ ...config, decayTimeMs: null, distributor: () => new RoundRobin() }),
});

/** Goes round the open nodes (all, when none is); one that is down is skipped until it is back. */
class RoundRobin<E extends Candidate> implements Distributor<E> {
  readonly loadChanged = null;
  #nodes: readonly Node<E>[] = [];
  #up: readonly Node<E>[] = [];
  #down: readonly Node<E>[] = [];
  #cursor = 0;

  update(nodes: readonly Node<E>[]): void {
    this.#nodes = nodes;
    this.rebuild();
  }

  rebuild(): void {
    const up = this.#nodes.filter(({ endpoint }) => endpoint.status === "open");
    this.#down = this.#nodes.filter(({ endpoint }) => endpoint.status !== "open");
    this.#up = up.length > 0 ? up : this.#nodes;
    this.#cursor %= this.#up.length;
  }

  pick(): Node<E> {
    if (this.#down.some(({ endpoint }) => endpoint.status === "open")) this.rebuild();
    const node = this.#next();
    if (node.endpoint.status === "open" || this.#down.length === this.#nodes.length) return node;
    this.rebuild();
    return this.#next();
  }

  #next(): Node<E> {
    const node = this.#up[this.#cursor];
    if (node === undefined) throw new Error("bug: a distributor without nodes was asked to pick");
    this.#cursor = (this.#cursor + 1) % this.#up.length;
    return node;
  }
}
