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

/** Who has a place for blocking queries, or wants one. */
export interface SlotHolder {
  /** It has one now. Not called by `take`. */
  granted(): void;
  /** It has none any more, and wants one. */
  revoked(): void;
}

export interface Slot {
  readonly isBlocking: boolean;
  /**
   * Whether there is something to watch. A name without instances gives its place to one that has
   * some: those who try out names shall not push the real ones out.
   */
  setWorth(hasWorth: boolean): void;
  /** Gives it back. Idempotent. */
  release(): void;
}

/** The places for questions to one agent, shared by all that ask it. */
export class QuerySlots {
  /** Each in the order in which they came to be there. */
  readonly #blocking = new Set<LanePlace>();
  readonly #wanting = new Set<LanePlace>();
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

  /** A place, blocking at once when there is one, else when another becomes free. */
  take(holder: SlotHolder): Slot {
    const place = new LanePlace(holder, this);
    place.isBlocking = this.#blocking.size < maxBlocking;
    (place.isBlocking ? this.#blocking : this.#wanting).add(place);
    return place;
  }

  /** For the places themselves. */
  release(place: LanePlace): void {
    this.#wanting.delete(place);
    if (!this.#blocking.delete(place)) return;
    const [longest] = this.#wanting;
    const heir = first(this.#wanting, "some") ?? longest;
    if (heir !== undefined) this.#grant(heir);
  }

  /** For the places themselves: the worth of one has changed. */
  rearrange(): void {
    const heir = first(this.#wanting, "some");
    const poor = heir === null ? null : first(this.#blocking, "none");
    if (heir === null || poor === null) return;
    this.#blocking.delete(poor);
    this.#wanting.add(poor);
    poor.isBlocking = false;
    poor.holder.revoked();
    this.#grant(heir);
  }

  #grant(place: LanePlace): void {
    this.#wanting.delete(place);
    this.#blocking.add(place);
    place.isBlocking = true;
    place.holder.granted();
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

class LanePlace implements Slot {
  readonly holder: SlotHolder;
  readonly #lanes: QuerySlots;
  isBlocking = false;
  /** Before the first answer nobody knows: it may stay where it is, and takes no other's place. */
  worth: "unknown" | "some" | "none" = "unknown";

  constructor(holder: SlotHolder, lanes: QuerySlots) {
    this.holder = holder;
    this.#lanes = lanes;
  }

  setWorth(hasWorth: boolean): void {
    const worth = hasWorth ? "some" : "none";
    if (worth === this.worth) return;
    this.worth = worth;
    this.#lanes.rearrange();
  }

  release(): void {
    this.#lanes.release(this);
  }
}

function first(places: ReadonlySet<LanePlace>, worth: "some" | "none"): LanePlace | null {
  for (const place of places) if (place.worth === worth) return place;
  return null;
}

/** By process and by agent. A process has one HostResolver, which stands for it here. */
const lanesOf = new WeakMap<HostResolver, Map<string, QuerySlots>>();

/** The places of one agent; the same for all namers, interpreters and announcers of a process. */
export function querySlotsOf(agent: string, process: HostResolver): QuerySlots {
  let agents = lanesOf.get(process);
  if (agents === undefined) lanesOf.set(process, (agents = new Map()));
  let lanes = agents.get(agent);
  if (lanes === undefined) agents.set(agent, (lanes = new QuerySlots()));
  return lanes;
}
