// Keeps one value of Consul up to date: blocking queries, back-off, the last good value.
import type { Close } from "../../core/clock.ts";
import { ok, source } from "../../core/live.ts";
import type { Live, State } from "../../core/live.ts";
import type { Outcome } from "./api.ts";
import { Doubt } from "./doubt.ts";
import { Outage } from "./outage.ts";
import { sendBlocking, sendQuick } from "./send-query.ts";
import { maxBlocking } from "./query-slots.ts";
import type { Slot } from "./query-slots.ts";
import { doublingMs } from "../../core/pacing/backoff.ts";
import { TokenBucket } from "../../core/pacing/token-bucket.ts";
import type { WatchSpec, WatchDeps, WatchReport } from "./watch-spec.ts";

/** How often a watch without a slot for blocking queries polls. */
const pollIntervalMs = 10_000;
/** A value that was never known counts as unknown after this, so that an alternative is used. */
const firstResponseMs = 900;

/** Responses that one watch takes per second, and in a burst: some names change all the time. */
const responsesPerSecond = 10;
const responseBurst = 30;

type Times = Pick<
  WatchReport,
  "startedAtMs" | "stoppedAtMs" | "updatedAtMs" | "queriedAtMs" | "respondedAtMs"
>;

/**
 * Queries while `live` is watched. Keeps the last good value beyond its last watcher: it is used
 * again if Consul does not respond to the next one.
 */
export class Watch<T> {
  readonly live: Live<T>;
  readonly #spec: WatchSpec<T>;
  readonly #deps: WatchDeps;
  readonly #rate: TokenBucket;

  /** The last value that was accepted. */
  #known: { readonly value: T } | null = null;
  /** The last index seen, to notice when it goes backwards. */
  #lastIndex: number | null = null;
  #times: Times = {
    startedAtMs: null,
    stoppedAtMs: null,
    updatedAtMs: null,
    queriedAtMs: null,
    respondedAtMs: null,
  };

  #isClosed = false;

  // State of a run, from the first watcher to the last.
  #set: ((state: State<T>) => void) | null = null;
  #isSet = false;
  /** Cancels the current query or wait. */
  #cancel: Close = nothing;
  #isPollWait = false;
  /** A blocking query is in flight. */
  #isBlocked = false;
  #cancelFirst: Close = nothing;
  readonly #doubt: Doubt;
  readonly #outage: Outage;
  #slot: Slot | null = null;
  /** The index to block on; null: the next query does not block. */
  #index: number | null = null;
  #resyncAtMs = 0;
  #responsesWithoutIndex = 0;

  constructor(spec: WatchSpec<T>, deps: WatchDeps) {
    this.#spec = spec;
    this.#deps = deps;
    this.#rate = new TokenBucket({ perSec: responsesPerSecond, burst: responseBurst });
    this.#outage = new Outage(spec.name, deps);
    this.#doubt = new Doubt(deps.clock, () => this.#queryFresh());
    this.live = source((set) => (this.#isClosed ? nothing : this.#start(set)));
  }

  /** Ends the watch, watched or not; `live` keeps its last state. */
  close(): void {
    this.#isClosed = true;
    if (this.#set !== null) this.#stop();
  }

  /** The last good value; null when there was never one. */
  get known(): { readonly value: T } | null {
    return this.#known;
  }

  get report(): WatchReport {
    const isPolled = this.#slot?.isBlocking === false;
    return {
      isRunning: this.#set !== null,
      mode: this.#spec.isBlocking ? (isPolled ? "polled" : "blocking") : "timed",
      ...this.#times,
      index: this.#lastIndex,
      problem: this.#outage.problem,
      staleMs: this.#outage.ms,
      isInDoubt: this.#doubt.isOn,
    };
  }

  #note(times: Partial<Times>): void {
    this.#times = { ...this.#times, ...times };
  }

  #start(set: (state: State<T>) => void): Close {
    const { clock } = this.#deps;
    this.#set = set;
    this.#isSet = false;
    this.#index = null;
    this.#responsesWithoutIndex = 0;
    this.#outage.reset();
    this.#note({ startedAtMs: clock.wallMs() });
    this.#cancelFirst = clock.after(firstResponseMs, () => this.#onFirstResponseLate());
    if (this.#spec.isBlocking) this.#takeSlot();
    this.#queryNext();
    return () => {
      if (this.#set === set) this.#stop();
    };
  }

  #stop(): void {
    this.#set = null;
    this.#cancel();
    this.#cancelFirst();
    this.#doubt.end();
    this.#slot?.release();
    this.#slot = null;
    this.#note({ stoppedAtMs: this.#deps.clock.wallMs() });
  }

  #takeSlot(): void {
    const { slots, log, agent } = this.#deps;
    this.#slot = slots.take({
      slotGranted: () => {
        if (this.#isPollWait) this.#queryNow();
      },
      // A blocking query holds a connection, so it ends; while waiting, nothing needs to change.
      slotRevoked: () => {
        if (!this.#isBlocked) return;
        this.#cancel();
        this.#queryNext();
      },
    });
    if (this.#slot.isBlocking || slots.polled > 1) return;
    log.warn({
      event: "consul watches polled",
      agent,
      blocking: maxBlocking,
      problem:
        `more than ${maxBlocking} names are watched at ${agent}; the others are polled every ` +
        `${pollIntervalMs / 1_000} s, so their changes are seen later`,
    });
  }

  /** No response in time: publishes what is known, or that the response is late. */
  #onFirstResponseLate(): void {
    if (this.#isSet) return;
    const problem = `${this.#deps.agent} has not responded within ${firstResponseMs} ms`;
    this.#outage.late(problem);
    if (this.#known !== null) this.#publish();
    else this.#set?.(this.#spec.late(problem));
  }

  #wait(ms: number, isPollWait = false): void {
    this.#isPollWait = isPollWait;
    this.#cancel = this.#deps.clock.after(ms, () => this.#queryNow());
  }

  #queryNow(): void {
    this.#cancel();
    this.#isPollWait = false;
    this.#note({ queriedAtMs: this.#deps.clock.wallMs() });
    const isDue = this.#deps.clock.nowMs() >= this.#resyncAtMs;
    if (this.#index === null || isDue || this.#slot?.isBlocking !== true) this.#queryQuick();
    else this.#queryBlocking(this.#index);
  }

  /** Queries from scratch, unless that is going on already. */
  #queryFresh(): void {
    if (this.#outage.failures > 0 || this.#index === null) return;
    this.#index = null;
    this.#queryNow();
  }

  /** Sends the next query, now or at the next poll. */
  #queryNext(): void {
    const { random } = this.#deps;
    const isPolled = this.#index !== null && this.#slot?.isBlocking !== true;
    if (isPolled) return this.#wait(pollIntervalMs * (1 - random() / 10), true);
    this.#queryNow();
  }

  #queryQuick(): void {
    this.#cancel = sendQuick(this.#deps, this.#spec.query, (outcome) => {
      this.#onOutcome(outcome, false);
    });
  }

  #queryBlocking(index: number): void {
    const untilResyncMs = this.#resyncAtMs - this.#deps.clock.nowMs();
    this.#isBlocked = true;
    const since = { index, untilResyncMs };
    const cancel = sendBlocking(this.#deps, this.#spec.query, since, (outcome) => {
      this.#isBlocked = false;
      this.#onOutcome(outcome, true);
    });
    this.#cancel = () => {
      this.#isBlocked = false;
      cancel();
    };
  }

  #onOutcome(outcome: Outcome, wasBlocking: boolean): void {
    if (outcome.kind === "error") return this.#onFailure(outcome.problem);
    if (outcome.kind === "missing") {
      if (!this.#spec.mayBeMissing) return this.#onFailure(outcome.problem);
      if (outcome.index === null) return this.#onFailure(`${outcome.problem}, but not by Consul`);
      return this.#onResponse(this.#spec.absent, outcome.index, wasBlocking, true);
    }
    const read = this.#spec.read(outcome.body, outcome.index);
    if (typeof read === "string") this.#onFailure(read);
    else this.#onResponse(read.value, outcome.index, wasBlocking);
  }

  #onResponse(value: T, index: number | null, wasBlocking: boolean, is404 = false): void {
    const { clock, random, resyncIntervalMs } = this.#deps;
    const wasFailing = this.#outage.over();
    const indexWentBack = index !== null && this.#lastIndex !== null && index < this.#lastIndex;
    this.#note({ respondedAtMs: clock.wallMs() });
    this.#lastIndex = index ?? this.#lastIndex;
    // As Consul's documentation of blocking queries demands: an index that went backwards is reset,
    // and 0, which would not block, is the server's mistake.
    this.#index = index === null || (indexWentBack && wasBlocking) ? null : Math.max(1, index);
    if (!wasBlocking) this.#resyncAtMs = clock.nowMs() + resyncIntervalMs * (0.9 + random() / 5);
    const set = this.#set;
    this.#accept(value, wasFailing || indexWentBack ? "restart" : is404 ? "404" : null);
    // A watcher that was called may have stopped watching, or even started again.
    if (set !== null && this.#set === set) this.#continue(index === null);
  }

  #continue(isWithoutIndex: boolean): void {
    if (!this.#spec.isBlocking) return this.#wait(this.#resyncAtMs - this.#deps.clock.nowMs());
    this.#responsesWithoutIndex = isWithoutIndex ? this.#responsesWithoutIndex + 1 : 0;
    const waitMs = isWithoutIndex
      ? this.#backoffMs(this.#responsesWithoutIndex)
      : this.#rate.reserve(this.#deps.clock.nowMs());
    if (waitMs > 0) this.#wait(waitMs);
    else this.#queryNext();
  }

  #onFailure(problem: string): void {
    this.#deps.counts.errors.value += 1;
    this.#index = null;
    this.#outage.failed(problem, this.#known !== null);
    const set = this.#set;
    if (!this.#isSet) this.#publish();
    if (set !== null && this.#set === set) this.#wait(this.#backoffMs(this.#outage.failures));
  }

  #backoffMs(attempt: number): number {
    const { backoff, random } = this.#deps;
    return doublingMs(attempt, backoff, 1 / 2, random);
  }

  /**
   * A server that was away or restarted may not know yet what exists: what it does not know stays as
   * it was, until a second response says so, too.
   */
  #accept(value: T, doubtful: "restart" | "404" | null): void {
    const { isSame, absent, name } = this.#spec;
    const { log, agent } = this.#deps;
    const isGone = isSame(value, absent);
    const wasThere = this.#known !== null && !isSame(this.#known.value, absent);
    const onDoubt = () => log.warn({ event: "consul lost a name", agent, name, why: doubtful });
    if (!isGone || !wasThere || this.#doubt.confirms(doubtful, onDoubt)) this.#commit(value);
    else if (!this.#isSet) this.#publish();
  }

  #commit(value: T): void {
    this.#doubt.end();
    const isChanged = this.#known === null || !this.#spec.isSame(this.#known.value, value);
    if (isChanged) {
      this.#known = { value };
      this.#deps.counts.updates.value += 1;
      this.#note({ updatedAtMs: this.#deps.clock.wallMs() });
    }
    if (isChanged || !this.#isSet) this.#publish();
  }

  #publish(): void {
    this.#isSet = true;
    this.#cancelFirst();
    const { absent, isSame, mayBeMissing } = this.#spec;
    // A dtab has high priority before it exists: it may come.
    const exists = this.#known !== null && !isSame(this.#known.value, absent);
    this.#slot?.setPriority(exists || mayBeMissing ? "high" : "low");
    const state =
      this.#known === null
        ? this.#spec.unknown(this.#outage.problem ?? "no response yet")
        : ok(this.#known.value);
    this.#set?.(state);
  }
}

const nothing: Close = () => {};
