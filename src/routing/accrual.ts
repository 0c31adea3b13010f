// Takes an endpoint out of the rotation when it fails, and lets single calls probe whether it is back.
import type { Random } from "../core/clock.ts";
import type { Plugin } from "../core/plugin.ts";
import type { Verdict } from "../core/classifier.ts";
import type { GenericSchema } from "../core/schema.ts";
import type { Counter } from "../core/stats.ts";

/** Decides when an endpoint is dead. One is made for each endpoint. */
export interface AccrualPolicy {
  succeeded(nowMs: number): void;
  /** Whether it is dead by now. `cannotConnect`: there was not even a connection. */
  failed(nowMs: number, cannotConnect: boolean): boolean;
  /** It refused a call as one too many (429, a nack). As `failed`; absent: a refusal says nothing about health. */
  pushedBack?(nowMs: number): boolean;
  /** For how long, now that it is dead; longer from one time to the next. */
  deadForMs(): number;
  /** A probe succeeded: forget everything. */
  revived(nowMs: number): void;
}

interface AccrualDeps {
  readonly random: Random;
}

/** One configured kind of accrual. */
export interface AccrualKind {
  /** Of the endpoints of one cluster, at most this share is taken out; one always may be. */
  readonly maxEjectedPercent: number;
  /** Endpoints that fail are held back before their policy says that they are dead: see `Doubts`. */
  readonly holdBack: boolean;
  /** For a new endpoint. */
  policy(nowMs: number): AccrualPolicy;
}
/** null: endpoints are never taken out. */
export type AccrualMaker = AccrualKind | null;
export type AccrualPlugin = Plugin<GenericSchema, AccrualDeps, AccrualMaker>;

/** Of a cluster, shared by its endpoints. */
export interface AccrualCounters {
  readonly removals: Counter;
  readonly revivals: Counter;
  readonly probes: Counter;
  readonly removedForMs: Counter;
  /** Endpoints that stay only because too many others are out already. */
  readonly spared: Counter;
  /** Endpoints ejected for their silence, and calls moved away from them: see `SilenceWatch`. */
  readonly silent: Counter;
  /** Endpoints held back before accrual ejects them: see `Doubts`. */
  readonly held: Counter;
  readonly moved: Counter;
}

export interface AccrualEvents {
  readonly counters: AccrualCounters;
  /**
   * Whether one more of the cluster's endpoints may be ejected for failing calls. `isHopeless`: it has
   * failed all of many calls.
   */
  mayEject(isHopeless: boolean): boolean;
  /** `silentMs`: it has not responded for so long; null: for its failures. */
  ejected(forMs: number, failuresInARow: number, silentMs: number | null): void;
  revived(): void;
}

/**
 * What a call says about an endpoint. `pushback`: it lives, and has no room for the call.
 * `unreachable`: a failure to connect.
 */
export type Health = Verdict | "pushback" | "unreachable";

type State = // alive -> dead -> probing -> alive or dead; an ignorable probe: probing -> dead until now
  | { readonly name: "alive" }
  | { readonly name: "dead"; readonly untilMs: number } // past that time the next call is the probe
  | { readonly name: "probing" };

const alive: State = { name: "alive" };
const probing: State = { name: "probing" };

/** Epochs of no call, and of calls that were sent although the endpoint was down. */
const none = -1;
const sentWhileDown = -2;

const maxStanding = 50;
const wellStanding = 40;
/** After so many failures in a row, an endpoint may be ejected beyond the limit for ejections. */
const hopelessFailures = 10;

/**
 * The state is looked at, not timed: a dead endpoint becomes ready for its probe by the clock when
 * somebody asks. A result counts only in the epoch in which its call began, so that stragglers
 * sent before a death decide nothing.
 */
export class Accrual {
  readonly #policy: AccrualPolicy;
  readonly #events: AccrualEvents;
  /** Failures since the last success. */
  #failuresInARow = 0;
  #hasFailed = false;
  /** Rises by 1 with a success and falls by 5 with a failure: high with fewer than about 10 % failures. */
  #standing = 0;
  /** Whether calls failed for which it was ejected: not if it is unreachable or silent. */
  #isFailing = false;
  #state: State = alive;
  #epoch = 0;
  /** The epoch of the probe whose head brought it back, and whose response continues. */
  #reviverEpoch = none;
  #probedMs = 0;

  constructor(policy: AccrualPolicy, events: AccrualEvents) {
    this.#policy = policy;
    this.#events = events;
  }

  get isAlive(): boolean {
    return this.#state === alive;
  }

  /** Ejected because it failed calls. Not because it is unreachable or silent: that is certain. */
  get isEjectedForFailing(): boolean {
    return this.#state !== alive && this.#isFailing;
  }

  /** Alive, and nearly all of its latest calls succeeded. */
  get isWell(): boolean {
    return this.#state === alive && this.#standing >= wellStanding;
  }

  /** Alive, and no call has failed since it joined or came back. */
  get hasNeverFailed(): boolean {
    return this.#state === alive && !this.#hasFailed;
  }

  get isProbing(): boolean {
    return this.#state === probing;
  }

  /** When its latest probe began. */
  get probedMs(): number {
    return this.#probedMs;
  }

  /** When it may be probed; 0: it is not dead. */
  get deadUntilMs(): number {
    return this.#state.name === "dead" ? this.#state.untilMs : 0;
  }

  /** Takes it out for its silence of `silentMs`, whatever its calls were like. */
  eject(nowMs: number, silentMs: number): void {
    if (this.#state === alive) this.#die(nowMs, false, silentMs);
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
      this.#probedMs = nowMs;
      this.#events.counters.probes.value++;
      return ++this.#epoch;
    }
    return sentWhileDown; // its failure means nothing
  }

  /** Whether its policy uses polite refusals. */
  get usesPushback(): boolean {
    return this.#policy.pushedBack !== undefined;
  }

  /** Whether this is the call that decides: its verdict is wanted as soon as there is one. */
  isProbe(epoch: number): boolean {
    return this.#state === probing && epoch === this.#epoch;
  }

  ended(epoch: number, health: Health, nowMs: number): void {
    if (epoch === this.#reviverEpoch) return this.#reviverEnded(health, nowMs);
    if (epoch === sentWhileDown) return this.#endedWhileDown(health, nowMs);
    if (epoch !== this.#epoch) return;
    if (this.#state === probing) return this.#probeEnded(health, nowMs);
    if (this.#state !== alive || health === "ignorable") return;
    if (health === "success") return this.#succeeded(nowMs);
    this.#failuresInARow++;
    this.#hasFailed = true;
    this.#standing = Math.max(0, this.#standing - 5);
    if (!this.#isDead(health, nowMs)) return;
    if (this.#mayEject(health)) this.#die(nowMs, health !== "unreachable");
    else this.#events.counters.spared.value++;
  }

  #succeeded(nowMs: number): void {
    this.#failuresInARow = 0;
    if (this.#standing < maxStanding) this.#standing++;
    this.#policy.succeeded(nowMs);
  }

  /** There is nothing to spare in an endpoint that cannot be connected to. */
  #mayEject(health: Health): boolean {
    if (health === "unreachable") return true;
    return this.#events.mayEject(this.#failuresInARow >= hopelessFailures);
  }

  /** No endpoint was left but those that are down, and this one works again: it need not wait for its probe. */
  #endedWhileDown(health: Health, nowMs: number): void {
    if (this.#state !== alive && health === "success") this.#revive(nowMs);
  }

  #revive(nowMs: number): void {
    this.#hasFailed = false;
    this.#enter(alive);
    this.#policy.revived(nowMs);
    this.#succeeded(nowMs);
    this.#events.counters.revivals.value++;
    this.#events.revived();
  }

  /** A probe whose response breaks after a good head has failed after all. */
  #reviverEnded(health: Health, nowMs: number): void {
    this.#reviverEpoch = none;
    if (this.#state !== alive || health === "success" || health === "ignorable") return;
    this.#isDead(health, nowMs);
    this.#die(nowMs, true);
  }

  #probeEnded(health: Health, nowMs: number): void {
    switch (health) {
      case "success":
        this.#reviverEpoch = this.#epoch;
        this.#revive(nowMs);
        return;
      case "ignorable":
        this.#enter({ name: "dead", untilMs: nowMs }); // nothing was learned: the next call probes
        return;
      case "failure":
      case "retryable":
      case "pushback":
      case "unreachable":
        this.#isDead(health, nowMs); // it counts; but whatever the policy says, it is not back
        this.#die(nowMs, this.#isFailing && health !== "unreachable");
        return;
      default:
        health satisfies never;
    }
  }

  #isDead(health: Health, nowMs: number): boolean {
    const policy = this.#policy;
    if (health !== "pushback") return policy.failed(nowMs, health === "unreachable");
    return policy.pushedBack !== undefined && policy.pushedBack(nowMs);
  }

  #die(nowMs: number, isFailing: boolean, silentMs: number | null = null): void {
    this.#isFailing = isFailing;
    const forMs = this.#policy.deadForMs();
    this.#enter({ name: "dead", untilMs: nowMs + forMs });
    this.#events.counters.removals.value++;
    this.#events.counters.removedForMs.value += Math.round(forMs);
    this.#events.ejected(forMs, this.#failuresInARow, silentMs);
  }

  #enter(state: State): void {
    this.#state = state;
    this.#epoch++;
  }
}
