// Sends what calls leave behind in batches, off their way: bounded, and never waited for.
import type { Clock, Close, Random } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import { decorrelated } from "../../core/pacing/backoff.ts";
import type { Backoff } from "../../core/pacing/backoff.ts";
import type { Counter, Stats } from "../../core/stats.ts";

/** `refused`: the same batch would be refused again. */
export type SendResult =
  | { readonly kind: "sent" }
  | { readonly kind: "refused"; readonly problem: string }
  | { readonly kind: "failed"; readonly problem: string; readonly retryAfterMs?: number };

export interface OutboxOptions<Item> {
  /** For log lines, such as `http://zipkin:9411/api/v2/spans`. */
  readonly to: string;
  /** What to do when nothing gets there, for the log. */
  readonly advice: string;
  /** How many spans an item is. */
  sizeOf(item: Item): number;
  /** Never rejects. */
  send(batch: readonly Item[]): Promise<SendResult>;
  readonly intervalMs: number;
}

interface OutboxDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly stats: Stats;
}

/** Spans kept while they cannot be sent: about 8 MB, 20 MB in the worst case. */
const maxSpans = 8_192;
/** Spans of one POST: encoding them takes 1 to 3 ms. */
const maxBatchSpans = 256;
const shortestWaitMs = 1_000;
const longestWaitMs = 60_000;
/** What is left at the end gets so long to be sent. */
const closeWithinMs = 1_500;

/** What the admin page shows. */
export interface OutboxState {
  readonly sent: number;
  readonly dropped: number;
  readonly queued: number;
  /** Why nothing gets there at the moment; null: the last batch was taken. */
  readonly problem: string | null;
}

/*
 * idle -> due -> sending -> idle | due | resting     `due`: the timer runs; `resting`: waits after a failure
 * any -> closed
 */
type State = "idle" | "due" | "sending" | "resting" | "closed";

/** Owns its timer. */
export class Outbox<Item> {
  readonly #options: OutboxOptions<Item>;
  readonly #deps: OutboxDeps;
  readonly #backoff: Backoff;
  readonly #sent: Counter;
  readonly #dropped: Counter;
  readonly #failed: Counter;
  #state: State = "idle";
  #items: Item[] = [];
  #spans = 0;
  #cancel: Close = () => {};
  #problem: string | null = null;
  /** The batch on its way, if any. */
  #sending: Promise<void> = Promise.resolve();
  /** A full batch is on its way as soon as the current turn ends. */
  #isHurried = false;

  constructor(options: OutboxOptions<Item>, deps: OutboxDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#backoff = decorrelated(shortestWaitMs, longestWaitMs, deps.random);
    const { stats } = deps;
    this.#sent = stats.counter("spans", "sent");
    this.#dropped = stats.counter("spans", "dropped");
    this.#failed = stats.counter("posts", "failed");
    stats.gauge(() => this.#spans, "spans", "queued");
  }

  /** Whether there is room: asked before a record is made, so that a full outbox costs nothing. */
  hasRoom(): boolean {
    if (this.#spans < maxSpans && this.#state !== "closed") return true;
    this.#dropped.value++;
    return false;
  }

  put(item: Item): void {
    const size = this.#options.sizeOf(item);
    if (this.#state === "closed" || this.#spans + size > maxSpans) {
      this.#dropped.value += size;
      return;
    }
    this.#items.push(item);
    this.#spans += size;
    const isFull = this.#spans >= maxBatchSpans;
    if (this.#state === "idle") this.#wait(isFull ? 0 : this.#options.intervalMs, isFull);
    else if (this.#state === "due" && isFull && !this.#isHurried) {
      this.#cancel();
      this.#wait(0, true);
    }
  }

  get state(): OutboxState {
    return {
      sent: this.#sent.value,
      dropped: this.#dropped.value,
      queued: this.#spans,
      problem: this.#problem,
    };
  }

  /** Sends what is left, as far as that is possible quickly. */
  async close(): Promise<void> {
    this.#cancel();
    const wasResting = this.#state === "resting";
    this.#state = "closed";
    if (!wasResting) await this.#sendRest();
    this.#dropped.value += this.#spans;
    this.#items = [];
    this.#spans = 0;
  }

  async #sendRest(): Promise<void> {
    let cancel: Close = () => {};
    const late = new Promise<void>((resolve) => {
      cancel = this.#deps.clock.after(closeWithinMs, resolve);
    });
    const rest = async (): Promise<void> => {
      await this.#sending;
      while (this.#spans > 0) {
        const batch = this.#take();
        const { kind } = await this.#options.send(batch);
        if (kind !== "sent") {
          this.#dropped.value += this.#sizeOf(batch);
          return;
        }
        this.#sent.value += this.#sizeOf(batch);
      }
    };
    await Promise.race([rest(), late]);
    cancel();
  }

  #wait(ms: number, isHurried: boolean): void {
    this.#state = "due";
    this.#isHurried = isHurried;
    this.#cancel = this.#deps.clock.after(ms, () => this.#begin());
  }

  #begin(): void {
    this.#state = "sending";
    this.#sending = this.#sendNext();
  }

  /** The oldest items, as many as fit into a batch. */
  #take(): Item[] {
    let spans = 0;
    let count = 0;
    for (const item of this.#items) {
      const size = this.#options.sizeOf(item);
      if (count > 0 && spans + size > maxBatchSpans) break;
      spans += size;
      count++;
    }
    this.#spans -= spans;
    return this.#items.splice(0, count);
  }

  #sizeOf(batch: readonly Item[]): number {
    let spans = 0;
    for (const item of batch) spans += this.#options.sizeOf(item);
    return spans;
  }

  async #sendNext(): Promise<void> {
    const batch = this.#take();
    const result = await this.#options.send(batch);
    if (this.#isClosed) {
      (result.kind === "sent" ? this.#sent : this.#dropped).value += this.#sizeOf(batch);
      return;
    }
    switch (result.kind) {
      case "sent":
        this.#succeeded(batch);
        break;
      case "refused":
        this.#dropped.value += this.#sizeOf(batch);
        this.#noteProblem(result.problem);
        this.#next();
        break;
      case "failed":
        this.#rest(batch, result);
        break;
      default:
        result satisfies never;
    }
  }

  /** The state may have changed while a batch was on its way. */
  get #isClosed(): boolean {
    return this.#state === "closed";
  }

  #succeeded(batch: readonly Item[]): void {
    this.#sent.value += this.#sizeOf(batch);
    this.#backoff.reset();
    if (this.#problem !== null) {
      this.#deps.log.info({ event: "spans are sent again", to: this.#options.to });
    }
    this.#problem = null;
    this.#next();
  }

  #next(): void {
    this.#state = "idle";
    if (this.#spans === 0) return;
    const isFull = this.#spans >= maxBatchSpans;
    this.#wait(isFull ? 0 : this.#options.intervalMs, isFull);
  }

  /** The batch goes back to the front, and waits with the rest. */
  #rest(batch: Item[], { problem, retryAfterMs }: SendResult & { kind: "failed" }): void {
    this.#items = batch.concat(this.#items);
    this.#spans += this.#sizeOf(batch);
    this.#noteProblem(problem);
    this.#state = "resting";
    const waitMs = Math.min(longestWaitMs, Math.max(this.#backoff.nextMs(), retryAfterMs ?? 0));
    this.#cancel = this.#deps.clock.after(waitMs, () => this.#begin());
  }

  /** Logged when it begins or changes, not for each batch. */
  #noteProblem(problem: string): void {
    this.#failed.value++;
    if (this.#problem === problem) return;
    this.#problem = problem;
    const { to, advice } = this.#options;
    this.#deps.log.warn({ event: "spans cannot be sent", to, problem, advice });
  }
}
