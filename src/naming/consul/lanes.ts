// How many questions one agent is asked at a time: it refuses connections above a limit.
import type { Close } from "../../core/clock.ts";
import type { HostResolver } from "../../core/naming.ts";

/**
 * An agent allows 200 connections from one address (`limits.http_max_conns_per_client`), and other
 * processes of this host need some, too. Each blocking query holds one.
 */
export const maxBlocking = 128;
/** Questions that are answered at once. */
const maxQuick = 32;
/** Of these to one data centre: one that is far away or gone does not hold up the others. */
const maxQuickToOne = 8;

interface Question {
  readonly datacenter: string;
  readonly run: () => void;
}

/** The places for questions to one agent, shared by all that ask it. */
export class Lanes {
  readonly #blocking = new Set<object>();
  /** In the order in which they asked; each is called when it gets its place. */
  readonly #wanting = new Map<object, () => void>();
  readonly #quickByDatacenter = new Map<string, number>();
  #quick = 0;
  readonly #waiting = new Set<Question>();

  /** Watches that hold a place, each good for one blocking query at a time. */
  get blocking(): number {
    return this.#blocking.size;
  }

  /** Watches without a place, which have to poll. */
  get polled(): number {
    return this.#wanting.size;
  }

  /**
   * A place for blocking queries, at once when there is one, else when another is given back:
   * `granted` is called then, never during this call. Closing gives it back.
   */
  take(granted: () => void): { readonly hasPlace: boolean; readonly release: Close } {
    const holder = {};
    const hasPlace = this.#blocking.size < maxBlocking;
    if (hasPlace) this.#blocking.add(holder);
    else this.#wanting.set(holder, granted);
    return { hasPlace, release: () => this.#release(holder) };
  }

  #release(holder: object): void {
    this.#wanting.delete(holder);
    if (!this.#blocking.delete(holder)) return;
    const [next] = this.#wanting;
    if (next === undefined) return;
    const [heir, granted] = next;
    this.#wanting.delete(heir);
    this.#blocking.add(heir);
    granted();
  }

  /**
   * Calls `run` when it is its turn, perhaps at once. Closing gives the place back, or leaves the
   * queue: call it when the question is answered or given up.
   */
  quick(datacenter: string, run: () => void): Close {
    const question = { datacenter, run };
    if (this.#isFree(datacenter)) this.#start(question);
    else this.#waiting.add(question);
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      if (!this.#waiting.delete(question)) this.#ended(datacenter);
    };
  }

  #isFree(datacenter: string): boolean {
    const toOne = this.#quickByDatacenter.get(datacenter) ?? 0;
    return this.#quick < maxQuick && toOne < maxQuickToOne;
  }

  #start(question: Question): void {
    const { datacenter } = question;
    this.#waiting.delete(question);
    this.#quick += 1;
    this.#quickByDatacenter.set(datacenter, (this.#quickByDatacenter.get(datacenter) ?? 0) + 1);
    question.run();
  }

  #ended(datacenter: string): void {
    this.#quick -= 1;
    const left = (this.#quickByDatacenter.get(datacenter) ?? 1) - 1;
    if (left === 0) this.#quickByDatacenter.delete(datacenter);
    else this.#quickByDatacenter.set(datacenter, left);
    for (const question of this.#waiting) {
      if (!this.#isFree(question.datacenter)) continue;
      this.#start(question);
      return;
    }
  }
}

/** By process and by agent. A process has one HostResolver, which stands for it here. */
const lanesOf = new WeakMap<HostResolver, Map<string, Lanes>>();

/** The places of one agent; the same for all namers, interpreters and announcers of a process. */
export function lanesTo(agent: string, process: HostResolver): Lanes {
  let agents = lanesOf.get(process);
  if (agents === undefined) lanesOf.set(process, (agents = new Map()));
  let lanes = agents.get(agent);
  if (lanes === undefined) agents.set(agent, (lanes = new Lanes()));
  return lanes;
}
