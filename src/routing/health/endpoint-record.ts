// What became of an endpoint's calls, for people: the last failure in words, the last minute, since when it is out.
import type { Failure } from "../../core/failure.ts";
import type { Log } from "../../core/log.ts";
import { showDuration } from "../../core/duration.ts";
import { SlidingCount } from "../accruals/sliding-count.ts";

/** Calls are counted over about so long, in slices of 5 s. */
const minuteMs = 60_000;
const slices = 12;
/** A new latency weighs so much of the average. */
const latencyWeight = 1 / 16;

/** The record of a failed call; the words are made when somebody reads them. */
interface LastFailure {
  readonly atMs: number;
  /** null: it was the response, which had this status. */
  readonly why: Failure | null;
  readonly status: string;
}

export type Ejection =
  /** Of its calls, so many in a row. */
  | { readonly why: "failing"; readonly failuresInARow: number }
  /** It refused a connection. */
  | { readonly why: "refused" }
  | { readonly why: "silent"; readonly silentMs: number };

/** One for each endpoint, which writes it. Costs a call one addition to a sliding count. */
export class EndpointRecord {
  readonly endpoint: string;
  readonly client: string;
  readonly #log: Log;
  readonly #calls = new SlidingCount(minuteMs, slices);
  /** Made with the first failure. */
  #failures: SlidingCount | null = null;
  #latencyMs = -1;
  #last: LastFailure | null = null;
  /** Since when it is out of the rotation, and why; null: it is not. */
  #out: { readonly sinceMs: number; readonly reason: string } | null = null;
  /** When it was made, or was last back. */
  #backMs: number;
  /** When somebody first saw that it was busy; null: it was not when last looked at. */
  #busySinceMs: number | null = null;

  constructor(endpoint: string, client: string, log: Log, nowMs: number) {
    this.endpoint = endpoint;
    this.client = client;
    this.#log = log;
    this.#backMs = nowMs;
  }

  succeeded(elapsedMs: number, nowMs: number): void {
    this.#calls.add(nowMs, 1);
    const before = this.#latencyMs;
    this.#latencyMs = before < 0 ? elapsedMs : before + (elapsedMs - before) * latencyWeight;
  }

  failed(why: Failure | null, status: string, nowMs: number): void {
    this.#calls.add(nowMs, 1);
    this.#failures ??= new SlidingCount(minuteMs, slices);
    this.#failures.add(nowMs, 1);
    this.#last = { atMs: nowMs, why, status };
  }

  /** It gets no calls for `forMs`. Logged when it was in the rotation. */
  ejected(how: Ejection, forMs: number, nowMs: number): void {
    const reason = this.#reasonFor(how, nowMs);
    const event = {
      client: this.client,
      endpoint: this.endpoint,
      reason,
      forMs: Math.round(forMs),
    };
    if (this.#out !== null) return this.#log.debug({ event: "endpoint still ejected", ...event });
    this.#out = { sinceMs: nowMs, reason };
    this.#log.warn({ event: "endpoint ejected", ...event });
  }

  /** It is back in the rotation. */
  back(nowMs: number): void {
    if (this.#out === null) return;
    const outForMs = Math.round(nowMs - this.#out.sinceMs);
    const { client, endpoint } = this;
    this.#log.warn({ event: "endpoint back", client, endpoint, outForMs, was: this.#out.reason });
    this.#out = null;
    this.#backMs = nowMs;
  }

  /** null: it is in the rotation. */
  get outSinceMs(): number | null {
    return this.#out === null ? null : this.#out.sinceMs;
  }

  get backMs(): number {
    return this.#backMs;
  }

  /** Notes that it is busy, or that it is not. Returns since when: as exact as people look. */
  busy(isBusy: boolean, nowMs: number): number {
    this.#busySinceMs = isBusy ? (this.#busySinceMs ?? nowMs) : null;
    return this.#busySinceMs ?? nowMs;
  }

  /** null: no call has failed. While it is out, the reason for that. */
  lastError(nowMs: number): { readonly agoMs: number; readonly text: string } | null {
    if (this.#last === null && this.#out === null) return null;
    const atMs = this.#last?.atMs ?? this.#out?.sinceMs ?? nowMs;
    return { agoMs: nowMs - atMs, text: this.#out?.reason ?? this.#lastText() };
  }

  /** Of good calls, from the choice of the endpoint to the last byte; null: there was none. */
  get latencyMs(): number | null {
    return this.#latencyMs < 0 ? null : this.#latencyMs;
  }

  lastMinute(nowMs: number): { readonly requests: number; readonly failures: number } {
    return { requests: this.#calls.sum(nowMs), failures: this.#failures?.sum(nowMs) ?? 0 };
  }

  #reasonFor(how: Ejection, nowMs: number): string {
    switch (how.why) {
      case "refused":
        return this.#lastText();
      case "silent": {
        const silent = showDuration(Math.round(how.silentMs));
        return `no response to any call for ${silent}, while other endpoints responded`;
      }
      case "failing":
        return this.#failingReason(how.failuresInARow, nowMs);
      default:
        return how satisfies never;
    }
  }

  #failingReason(failuresInARow: number, nowMs: number): string {
    const last = this.#lastText();
    if (failuresInARow > 2) return `${failuresInARow} failures in a row, the last: ${last}`;
    const { requests, failures } = this.lastMinute(nowMs);
    if (failures < 2) return last;
    return `${failures} of ${requests} calls failed within a minute, the last: ${last}`;
  }

  /** Without the endpoint's own name, beside which it is shown. */
  #lastText(): string {
    if (this.#last === null) return "no failed call";
    const { why, status } = this.#last;
    if (why === null) return `responded ${status.replaceAll("_", " ")}`;
    const own = `${this.endpoint} `;
    return why.detail.startsWith(own) ? why.detail.slice(own.length) : why.detail;
  }
}
