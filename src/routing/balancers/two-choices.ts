// The power of two choices: of two random endpoints the better one.
import type { Random } from "../../core/clock.ts";
import type { Candidate, Distributor, Node } from "./balancer.ts";
import { better } from "./balancer.ts";

/** Constant time, no state but the list. No endpoint ever gets more than 2/n of the picks. */
export class TwoChoices<E extends Candidate> implements Distributor<E> {
  readonly loadChanged = null;
  readonly #random: Random;
  #nodes: readonly Node<E>[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  update(nodes: readonly Node<E>[]): void {
    this.#nodes = nodes;
  }

  rebuild(): void {} // statuses are read at each pick

  pick(nowMs: number): Node<E> {
    return pickOfTwo(this.#nodes, this.#nodes.length, this.#random, nowMs);
  }
}

/** The better of two distinct nodes among the first `count`, which is at least 1. */
export function pickOfTwo<E extends Candidate>(
  nodes: readonly Node<E>[],
  count: number,
  random: Random,
  nowMs: number,
): Node<E> {
  const first = Math.floor(random() * count);
  const a = nodes[first];
  if (a === undefined) throw new Error("bug: a distributor without nodes was asked to pick");
  if (count === 1) return a;
  const other = Math.floor(random() * (count - 1));
  const b = nodes[other >= first ? other + 1 : other];
  return b === undefined ? a : better(a, b, nowMs);
}
