// Sends all metrics at intervals, in requests of bounded size.
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Close } from "../../core/clock.ts";
import type { Counter } from "../../core/stats.ts";
import { metricsBelow } from "../metrics.ts";
import type { Telemeter, TelemeterDeps } from "../telemeter.ts";
import type { SendResult } from "../tracing/outbox.ts";
import type { Poster } from "../tracing/post.ts";
import { MetricsMessage } from "./metrics-json.ts";
import type { Attributes, Scope } from "./values.ts";

interface MetricSenderOptions {
  readonly url: string;
  readonly intervalMs: number;
  readonly advice: string;
  readonly scope: Scope;
  readonly resource: Attributes;
}

/** Points of one request: about 500 KB. */
const maxPoints = 2_000;
const pointsPerTurn = 128;

/** Owns one timer. A round that fails is not repeated: the next one says the same and more. */
export class MetricSender implements Telemeter {
  readonly pages = [];
  readonly #options: MetricSenderOptions;
  readonly #poster: Poster;
  readonly #deps: TelemeterDeps;
  readonly #startedUs: number;
  readonly #sent: Counter;
  readonly #failed: Counter;
  #cancel: Close;
  #isClosed = false;
  #round: Promise<void> = Promise.resolve();
  #problem: string | null = null;

  constructor(options: MetricSenderOptions, poster: Poster, deps: TelemeterDeps) {
    this.#options = options;
    this.#poster = poster;
    this.#deps = deps;
    this.#startedUs = deps.clock.wallMs() * 1_000;
    this.#sent = deps.stats.counter("metrics", "sent");
    this.#failed = deps.stats.counter("metrics", "failed_rounds");
    this.#cancel = deps.clock.after(options.intervalMs, () => this.#tick());
  }

  /** The routers and their metrics have gone by then: there is no last round. */
  async close(): Promise<void> {
    this.#cancel();
    this.#isClosed = true;
    this.#poster.close();
    await this.#round;
  }

  /** Rounds never overlap: the next one is due an interval after the last one has ended. */
  #tick(): void {
    this.#round = this.#send().then(() => {
      if (this.#isClosed) return;
      this.#cancel = this.#deps.clock.after(this.#options.intervalMs, () => this.#tick());
    });
  }

  async #send(): Promise<void> {
    const atUs = this.#deps.clock.wallMs() * 1_000;
    let message = new MetricsMessage(this.#startedUs, atUs);
    let left = pointsPerTurn;
    for (const { name, metric } of metricsBelow(this.#deps.metrics, [])) {
      message.add(name, metric);
      if (message.count >= maxPoints) {
        if (!(await this.#post(message))) return;
        message = new MetricsMessage(this.#startedUs, atUs);
      }
      if (--left > 0) continue;
      left = pointsPerTurn;
      await nextTurn();
    }
    if (message.count > 0 && !(await this.#post(message))) return;
    this.#problem = null;
  }

  /** false: the round is over. */
  async #post(message: MetricsMessage): Promise<boolean> {
    const { scope, resource } = this.#options;
    const result = await this.#poster.post(message.json(scope, resource));
    if (this.#isClosed) return false;
    if (result.kind === "sent") {
      this.#sent.value += message.count;
      return true;
    }
    this.#failed.value++;
    this.#noteProblem(result);
    return false;
  }

  /** Logged when it begins or changes, not for each round. */
  #noteProblem({ problem }: Exclude<SendResult, { kind: "sent" }>): void {
    if (this.#problem === problem) return;
    this.#problem = problem;
    const { url: to, advice } = this.#options;
    this.#deps.log.warn({ event: "metrics cannot be sent", to, problem, advice });
  }
}
