// Takes an endpoint out of the rotation when it fails, and lets single calls probe whether it is back.
import type { Random } from "../core/clock.ts";
import type { Plugin } from "../core/plugin.ts";
import type { Verdict } from "../core/protocol.ts";
import type { GenericSchema } from "../core/schema.ts";
import type { Counter } from "../core/stats.ts";

/** Decides when an endpoint is dead. One is made for each endpoint. */
export interface AccrualPolicy {
  succeeded(nowMs: number): void;
  /** null: it goes on; else it is dead for so many milliseconds. */
  failed(nowMs: number): number | null;
  /** A probe succeeded: forget everything. */
  revived(): void;
}

interface AccrualDeps {
  readonly random: Random;
}
/** null: endpoints are never taken out. */
export type AccrualMaker = (() => AccrualPolicy) | null;
export type AccrualPlugin = Plugin<GenericSchema, AccrualDeps, AccrualMaker>;

/** Of a cluster, shared by its endpoints. */
export interface AccrualCounters {
  readonly removals: Counter;
  readonly revivals: Counter;
  readonly probes: Counter;
  readonly removedForMs: Counter;
}

export interface AccrualEvents {
  readonly counters: AccrualCounters;
  died(forMs: number): void;
  revived(): void;
}

type State = // alive -> dead -> probing -> alive or dead; an ignorable probe: probing -> dead until now
  | { readonly name: "alive" }
  | { readonly name: "dead"; readonly untilMs: number } // past that time the next call is the probe
  | { readonly name: "probing" };

const alive: State = { name: "alive" };
const probing: State = { name: "probing" };

/**
 * The state is looked at, not timed: a dead endpoint becomes ready for its probe by the clock when
 * somebody asks. A result counts only in the epoch in which its call began, so that stragglers
 * sent before a death decide nothing.
 */
export class Accrual {
  readonly #policy: AccrualPolicy;
  readonly #events: AccrualEvents;
  #state: State = alive;
  #epoch = 0;

  constructor(policy: AccrualPolicy, events: AccrualEvents) {
    this.#policy = policy;
    this.#events = events;
  }

  get isAlive(): boolean {
    return this.#state === alive;
  }

  /** Whether a balancer should look elsewhere. Not when only the probe is missing. */
  isDown(nowMs: number): boolean {
    const state = this.#state;
    return state.name === "probing" || (state.name === "dead" && nowMs < state.untilMs);
  }

  /**
   * A call begins; it must come back with what this returns. Once the dead time is over the first
   * call is the probe, and until it has ended the endpoint is down for all others.
   */
  begin(nowMs: number): number {
    if (this.#state === alive) return this.#epoch;
    if (this.#state.name === "dead" && nowMs >= this.#state.untilMs) {
      this.#state = probing;
      this.#events.counters.probes.value++;
      return ++this.#epoch;
    }
    return -1; // sent although down: its result means nothing
  }

  /** Whether this is the call that decides: its verdict is wanted as soon as there is one. */
  isProbe(epoch: number): boolean {
    return this.#state === probing && epoch === this.#epoch;
  }

  ended(epoch: number, verdict: Verdict, nowMs: number): void {
    if (epoch !== this.#epoch) return;
    if (this.#state === probing) return this.#probeEnded(verdict, nowMs);
    if (this.#state !== alive) return;
    if (verdict === "success") this.#policy.succeeded(nowMs);
    else if (verdict !== "ignorable") this.#failed(nowMs);
  }

  #probeEnded(verdict: Verdict, nowMs: number): void {
    switch (verdict) {
      case "success":
        this.#enter(alive);
        this.#policy.revived();
        this.#policy.succeeded(nowMs);
        this.#events.counters.revivals.value++;
        this.#events.revived();
        return;
      case "ignorable":
        this.#enter({ name: "dead", untilMs: nowMs }); // it told nothing: the next call probes
        return;
      case "failure":
      case "retryable":
        if (!this.#failed(nowMs)) this.#enter({ name: "dead", untilMs: nowMs });
        return;
      default:
        verdict satisfies never;
    }
  }

  /** Whether it is dead now. */
  #failed(nowMs: number): boolean {
    const forMs = this.#policy.failed(nowMs);
    if (forMs === null) return false;
    this.#enter({ name: "dead", untilMs: nowMs + forMs });
    this.#events.counters.removals.value++;
    this.#events.counters.removedForMs.value += Math.round(forMs);
    this.#events.died(forMs);
    return true;
  }

  #enter(state: State): void {
    this.#state = state;
    this.#epoch++;
  }
}
