// How many queries one agent gets at a time: it refuses connections above a limit.
import type { Close } from "../../core/clock.ts";
import type { HostResolver } from "../../core/naming.ts";

/**
 * An agent allows 200 connections from one address (`limits.http_max_conns_per_client`), and other
 * processes of this host need some, too. Each blocking query holds one.
 */
export const maxBlocking = 128;
/** Queries that the agent answers immediately. */
const maxQuick = 32;
/** Quick queries to one data centre: one that is far away or gone does not hold up the others. */
const maxQuickPerDatacenter = 8;

interface QuickQuery {
  readonly datacenter: string;
  readonly run: () => void;
}

/** Whoever holds a slot for blocking queries, or waits for one. */
export interface SlotHolder {
  /** It may block from now on. Not called by `take`. */
  slotGranted(): void;
  /** It must poll from now on, and waits for a slot again. */
  slotRevoked(): void;
}

export interface Slot {
  readonly isBlocking: boolean;
  /**
   * High for a name that has something to watch. A name without instances yields its slot to one
   * that has some: callers who try out names must not push the real ones out.
   */
  setPriority(priority: "high" | "low"): void;
  /** Gives the slot back. Idempotent. */
  release(): void;
}

/** The slots for queries to one agent, shared by all watches of that agent. */
export class QuerySlots {
  /** Both in order of arrival. */
  readonly #blocking = new Set<WatchSlot>();
  readonly #waiting = new Set<WatchSlot>();
  readonly #quickByDatacenter = new Map<string, number>();
  #quick = 0;
  readonly #queued = new Set<QuickQuery>();

  /** Watches that hold a slot, each good for one blocking query at a time. */
  get blocking(): number {
    return this.#blocking.size;
  }

  /** Watches without a slot, which must poll. */
  get polled(): number {
    return this.#waiting.size;
  }

  /** A slot: it blocks from the start while slots are free, else when another becomes free. */
  take(holder: SlotHolder): Slot {
    const slot = new WatchSlot(holder, this);
    slot.isBlocking = this.#blocking.size < maxBlocking;
    (slot.isBlocking ? this.#blocking : this.#waiting).add(slot);
    return slot;
  }

  /** Called by slots only. */
  release(slot: WatchSlot): void {
    this.#waiting.delete(slot);
    if (!this.#blocking.delete(slot)) return;
    const [longestWaiting] = this.#waiting;
    const next = firstOf(this.#waiting, "high") ?? longestWaiting;
    if (next !== undefined) this.#grant(next);
  }

  /** Called by slots only, when the priority of one has changed. */
  rearrange(): void {
    const next = firstOf(this.#waiting, "high");
    const victim = next === null ? null : firstOf(this.#blocking, "low");
    if (next === null || victim === null) return;
    this.#blocking.delete(victim);
    this.#waiting.add(victim);
    victim.isBlocking = false;
    victim.holder.slotRevoked();
    this.#grant(next);
  }

  #grant(slot: WatchSlot): void {
    this.#waiting.delete(slot);
    this.#blocking.add(slot);
    slot.isBlocking = true;
    slot.holder.slotGranted();
  }

  /**
   * Calls `run` when its turn comes, which may be before this returns. Closing frees the place, or
   * leaves the queue: close it once the response is there or is no longer wanted.
   */
  quick(datacenter: string, run: () => void): Close {
    const query = { datacenter, run };
    if (this.#isFree(datacenter)) this.#start(query);
    else this.#queued.add(query);
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      if (!this.#queued.delete(query)) this.#ended(datacenter);
    };
  }

  #isFree(datacenter: string): boolean {
    const inDatacenter = this.#quickByDatacenter.get(datacenter) ?? 0;
    return this.#quick < maxQuick && inDatacenter < maxQuickPerDatacenter;
  }

  #start(query: QuickQuery): void {
    const { datacenter } = query;
    this.#queued.delete(query);
    this.#quick += 1;
    this.#quickByDatacenter.set(datacenter, (this.#quickByDatacenter.get(datacenter) ?? 0) + 1);
    query.run();
  }

  #ended(datacenter: string): void {
    this.#quick -= 1;
    const left = (this.#quickByDatacenter.get(datacenter) ?? 1) - 1;
    if (left === 0) this.#quickByDatacenter.delete(datacenter);
    else this.#quickByDatacenter.set(datacenter, left);
    for (const query of this.#queued) {
      if (!this.#isFree(query.datacenter)) continue;
      this.#start(query);
      return;
    }
  }
}

class WatchSlot implements Slot {
  readonly holder: SlotHolder;
  readonly #slots: QuerySlots;
  isBlocking = false;
  /** Unknown before the first response: then it may stay, and takes nobody's slot. */
  priority: "unknown" | "high" | "low" = "unknown";

  constructor(holder: SlotHolder, slots: QuerySlots) {
    this.holder = holder;
    this.#slots = slots;
  }

  setPriority(priority: "high" | "low"): void {
    if (priority === this.priority) return;
    this.priority = priority;
    this.#slots.rearrange();
  }

  release(): void {
    this.#slots.release(this);
  }
}

function firstOf(slots: ReadonlySet<WatchSlot>, priority: "high" | "low"): WatchSlot | null {
  for (const slot of slots) if (slot.priority === priority) return slot;
  return null;
}

/** By process and by agent. A process has one HostResolver, which stands for it here. */
const slotsByProcess = new WeakMap<HostResolver, Map<string, QuerySlots>>();

/** The slots of one agent; the same for all namers, interpreters and announcers of a process. */
export function querySlotsOf(agent: string, process: HostResolver): QuerySlots {
  let agents = slotsByProcess.get(process);
  if (agents === undefined) slotsByProcess.set(process, (agents = new Map()));
  let slots = agents.get(agent);
  if (slots === undefined) agents.set(agent, (slots = new QuerySlots()));
  return slots;
}
