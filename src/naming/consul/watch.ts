// Keeps one thing that Consul knows up to date: blocking queries, back-off, a last good value.
import type { Close } from "../../core/clock.ts";
import { ok, source } from "../../core/live.ts";
import type { Live, State } from "../../core/live.ts";
import type { Outcome } from "./api.ts";
import { maxBlocking } from "./query-slots.ts";
import type { Slot } from "./query-slots.ts";
import { doublingMs } from "../../core/pacing/backoff.ts";
import { TokenBucket } from "../../core/pacing/token-bucket.ts";
import type { WatchSpec, WatchDeps, WatchReport } from "./watch-spec.ts";

/** A server answers so late at most when nothing changes; a dead one is noticed a little later. */
const maxWaitMs = 60_000;
/** Beyond what Consul adds to the wait (a sixteenth). */
const lateMs = 5_000;
/** For a question that is answered at once. */
const quickTimeoutMs = 10_000;
/** How often those are asked that got no place for blocking queries. */
const pollIntervalMs = 10_000;
/** What nobody knew before is called unknown after this, so that an alternative is used. */
const firstAnswerMs = 900;
/** So long something stays that is gone from a server that was away or has lost its memory. */
const doubtMs = 30_000;
/** Answers that one watch takes, in the long run and at once: some names change all the time. */
const answersPerSecond = 10;
const answersAtOnce = 30;

type Times = Pick<
  WatchReport,
  "startedAtMs" | "stoppedAtMs" | "updatedAtMs" | "askedAtMs" | "answeredAtMs"
>;

/**
 * Asks while somebody watches `live`. Keeps the last good value, also beyond its last watcher: it
 * counts again if Consul does not answer when somebody comes back.
 */
export class Watch<T> {
  readonly live: Live<T>;
  readonly #subject: WatchSpec<T>;
  readonly #deps: WatchDeps;
  readonly #rate: TokenBucket;

  /** The last that Consul said and that was believed. */
  #known: { readonly value: T } | null = null;
  /** The last index seen, to notice when it goes backwards. */
  #lastIndex: number | null = null;
  #times: Times = {
    startedAtMs: null,
    stoppedAtMs: null,
    updatedAtMs: null,
    askedAtMs: null,
    answeredAtMs: null,
  };

  #isClosed = false;

  // While it runs.
  #set: ((state: State<T>) => void) | null = null;
  #isSet = false;
  /** Ends the question or the wait that is going on. */
  #cancel: Close = nothing;
  #isPollWait = false;
  /** A blocking question is out. */
  #isBlocked = false;
  #cancelFirst: Close = nothing;
  #cancelDoubt: Close | null = null;
  #place: Slot | null = null;
  /** To block on; null: the next question is answered at once. */
  #index: number | null = null;
  #resyncAtMs = 0;
  #failures = 0;
  #failingSinceMs = 0;
  #withoutIndex = 0;
  #problem: string | null = null;

  constructor(subject: WatchSpec<T>, deps: WatchDeps) {
    this.#subject = subject;
    this.#deps = deps;
    this.#rate = new TokenBucket({ perSec: answersPerSecond, burst: answersAtOnce });
    this.live = source((set) => (this.#isClosed ? nothing : this.#start(set)));
  }

  /** Ends it, watched or not; what it said last stays so. */
  close(): void {
    this.#isClosed = true;
    if (this.#set !== null) this.#stop();
  }

  /** The last good value; null when there was never one. */
  get known(): { readonly value: T } | null {
    return this.#known;
  }

  get report(): WatchReport {
    const { clock } = this.#deps;
    const isPolled = this.#place?.isBlocking === false;
    return {
      isRunning: this.#set !== null,
      mode: this.#subject.isBlocking ? (isPolled ? "polled" : "blocking") : "timed",
      ...this.#times,
      index: this.#lastIndex,
      problem: this.#problem,
      staleMs: this.#failures === 0 ? 0 : clock.nowMs() - this.#failingSinceMs,
      isInDoubt: this.#cancelDoubt !== null,
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
    this.#failures = this.#withoutIndex = 0;
    this.#problem = null;
    this.#note({ startedAtMs: clock.wallMs() });
    this.#cancelFirst = clock.after(firstAnswerMs, () => this.#missFirst());
    if (this.#subject.isBlocking) this.#takePlace();
    this.#ask();
    return () => {
      if (this.#set === set) this.#stop();
    };
  }

  #stop(): void {
    this.#set = null;
    this.#cancel();
    this.#cancelFirst();
    this.#cancelDoubt?.();
    this.#cancelDoubt = null;
    this.#place?.release();
    this.#place = null;
    this.#note({ stoppedAtMs: this.#deps.clock.wallMs() });
  }

  #takePlace(): void {
    const { lanes, log, agent } = this.#deps;
    this.#place = lanes.take({
      granted: () => {
        if (this.#isPollWait) this.#askNow();
      },
      // The question that blocks holds a connection; that it polls from here on, it knows itself.
      revoked: () => {
        if (!this.#isBlocked) return;
        this.#cancel();
        this.#ask();
      },
    });
    if (this.#place.isBlocking || lanes.polled > 1) return;
    log.warn({
      event: "consul watches polled",
      agent,
      blocking: maxBlocking,
      problem:
        `more than ${maxBlocking} names are watched at ${agent}; the others are asked every ` +
        `${pollIntervalMs / 1_000} s, so their changes are seen later`,
    });
  }

  /** Nothing in time: what is known counts, or that nothing is. */
  #missFirst(): void {
    if (this.#isSet) return;
    this.#problem ??= `${this.#deps.agent} has not answered within ${firstAnswerMs} ms`;
    this.#publish();
  }

  #wait(ms: number, isPollWait = false): void {
    this.#isPollWait = isPollWait;
    this.#cancel = this.#deps.clock.after(ms, () => this.#askNow());
  }

  #askNow(): void {
    this.#cancel();
    this.#isPollWait = false;
    this.#note({ askedAtMs: this.#deps.clock.wallMs() });
    const isDue = this.#deps.clock.nowMs() >= this.#resyncAtMs;
    if (this.#index === null || isDue || this.#place?.isBlocking !== true) this.#askQuick();
    else this.#askBlocking(this.#index);
  }

  /** Asks as soon as it may. */
  #ask(): void {
    const { random } = this.#deps;
    const isPolled = this.#index !== null && this.#place?.isBlocking !== true;
    if (isPolled) return this.#wait(pollIntervalMs * (1 - random() / 10), true);
    this.#askNow();
  }

  #askQuick(): void {
    const { client, lanes } = this.#deps;
    const { question } = this.#subject;
    let cancel: Close = nothing;
    const release = lanes.quick(question.datacenter ?? "", () => {
      cancel = client.ask(question, null, quickTimeoutMs, (outcome) => {
        release();
        this.#onOutcome(outcome, false);
      });
    });
    this.#cancel = () => {
      cancel();
      release();
    };
  }

  #askBlocking(index: number): void {
    const { client, clock } = this.#deps;
    const untilResyncMs = Math.max(1_000, this.#resyncAtMs - clock.nowMs());
    const waitMs = Math.min(maxWaitMs, untilResyncMs);
    const timeoutMs = waitMs + waitMs / 16 + lateMs;
    this.#isBlocked = true;
    const cancel = client.ask(this.#subject.question, { index, waitMs }, timeoutMs, (outcome) => {
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
      if (!this.#subject.mayBeMissing) return this.#onFailure(outcome.problem);
      return this.#onAnswer(this.#subject.absent, outcome.index, wasBlocking);
    }
    const read = this.#subject.read(outcome.body);
    if (typeof read === "string") this.#onFailure(read);
    else this.#onAnswer(read.value, outcome.index, wasBlocking);
  }

  #onAnswer(value: T, index: number | null, wasBlocking: boolean): void {
    const { clock, log, agent, random, resyncIntervalMs } = this.#deps;
    const wasFailing = this.#failures > 0;
    if (wasFailing) {
      const awayMs = Math.round(clock.nowMs() - this.#failingSinceMs);
      log.info({ event: "consul answers again", agent, name: this.#subject.name, awayMs });
    }
    const wentBack = index !== null && this.#lastIndex !== null && index < this.#lastIndex;
    this.#note({ answeredAtMs: clock.wallMs() });
    this.#failures = 0;
    this.#problem = null;
    this.#lastIndex = index ?? this.#lastIndex;
    // As Consul's documentation of blocking queries asks for: an index that went backwards begins
    // anew, and 0, which would not block, is a mistake of the server.
    this.#index = index === null || (wentBack && wasBlocking) ? null : Math.max(1, index);
    if (!wasBlocking) this.#resyncAtMs = clock.nowMs() + resyncIntervalMs * (0.9 + random() / 5);
    const set = this.#set;
    this.#take(value, wasFailing || wentBack);
    // Those who were told may have stopped watching, or even begun again.
    if (set !== null && this.#set === set) this.#goOn(index === null);
  }

  #goOn(isWithoutIndex: boolean): void {
    if (!this.#subject.isBlocking) return this.#wait(this.#resyncAtMs - this.#deps.clock.nowMs());
    this.#withoutIndex = isWithoutIndex ? this.#withoutIndex + 1 : 0;
    const waitMs = isWithoutIndex
      ? this.#backoffMs(this.#withoutIndex)
      : this.#rate.reserve(this.#deps.clock.nowMs());
    if (waitMs > 0) this.#wait(waitMs);
    else this.#ask();
  }

  #onFailure(problem: string): void {
    const { clock, log, agent, counts } = this.#deps;
    counts.errors.value += 1;
    this.#failures += 1;
    this.#problem = problem;
    this.#index = null;
    const event = { event: "consul does not answer", agent, name: this.#subject.name, problem };
    if (this.#failures === 1) {
      this.#failingSinceMs = clock.nowMs();
      log.warn({ ...event, isLastGoodKept: this.#known !== null });
    } else log.debug({ ...event, failures: this.#failures });
    const set = this.#set;
    if (!this.#isSet) this.#publish();
    if (set !== null && this.#set === set) this.#wait(this.#backoffMs(this.#failures));
  }

  #backoffMs(attempt: number): number {
    const { backoff, random } = this.#deps;
    return doublingMs(attempt, backoff, 1 / 2, random);
  }

  /**
   * A server that was away or began anew may know nothing yet of what is there: for a while what
   * it does not know stays as it was.
   */
  #take(value: T, isDoubtful: boolean): void {
    const { isSame, absent, name } = this.#subject;
    const isGone = isSame(value, absent);
    const wasThere = this.#known !== null && !isSame(this.#known.value, absent);
    const isInDoubt = isDoubtful || this.#cancelDoubt !== null;
    if (!isGone || !wasThere || !isInDoubt) return this.#believe(value);
    if (!this.#isSet) this.#publish();
    if (this.#cancelDoubt !== null) return;
    const { clock, log, agent } = this.#deps;
    log.warn({ event: "consul forgot a name", agent, name, isLastGoodKeptForMs: doubtMs });
    this.#cancelDoubt = clock.after(doubtMs, () => this.#believe(absent));
  }

  #believe(value: T): void {
    this.#cancelDoubt?.();
    this.#cancelDoubt = null;
    const isNews = this.#known === null || !this.#subject.isSame(this.#known.value, value);
    if (isNews) {
      this.#known = { value };
      this.#deps.counts.updates.value += 1;
      this.#note({ updatedAtMs: this.#deps.clock.wallMs() });
    }
    if (isNews || !this.#isSet) this.#publish();
  }

  #publish(): void {
    this.#isSet = true;
    this.#cancelFirst();
    const { absent, isSame, mayBeMissing } = this.#subject;
    // A dtab is worth watching before it is there: it may come.
    const isThere = this.#known !== null && !isSame(this.#known.value, absent);
    this.#place?.setWorth(isThere || mayBeMissing);
    const state =
      this.#known === null
        ? this.#subject.unknown(this.#problem ?? "no answer yet")
        : ok(this.#known.value);
    this.#set?.(state);
  }
}

const nothing: Close = () => {};
