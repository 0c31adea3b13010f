// Follows one instance: asks for its page again and again, and says how that goes.
import type { Clock, Close, Random } from "../../core/clock.ts";
import type { ListedInstance } from "../../core/address.ts";
import { doublingMs } from "../../core/pacing/backoff.ts";
import { InstanceModel } from "../model/instance.ts";
import type { InstanceDeps } from "../model/instance.ts";
import { fleetPagePath } from "../page/format.ts";
import { PageReader } from "../page/reader.ts";
import type { Getter, NotGot } from "./get.ts";

/** An instance to follow. */
export interface Target extends ListedInstance {
  /** Where it is listed, such as `fleet.txt:4`, for people. */
  readonly listed: string;
}

export type FollowerState = // asked first -> up <-> down
  | { readonly name: "asked first" }
  | { readonly name: "up"; readonly sinceMs: number }
  | { readonly name: "down"; readonly sinceMs: number; readonly why: NotGot };

export interface FollowerDeps extends InstanceDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly getter: Getter;
  readonly origin: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly maxPageBytes: number;
  changed(follower: Follower): void;
}

/** What costs us time is asked less often; a refused connection costs nothing. */
const maxPauseMs = 60_000;
const cheapKinds: ReadonlySet<NotGot["kind"]> = new Set(["refused", "closed", "status"]);

/** Owns its getter and one timer. */
export class Follower {
  /** As it is listed now: its name may change. */
  target: Target;
  /** Wall time at which the list lost it; null: it is listed. */
  unlistedMs: number | null = null;
  readonly model: InstanceModel;
  state: FollowerState = { name: "asked first" };
  readonly #deps: FollowerDeps;
  readonly #closing = new AbortController();
  #failures = 0;
  #cancel: Close = () => {};

  constructor(target: Target, deps: FollowerDeps) {
    this.target = target;
    this.#deps = deps;
    this.model = new InstanceModel(deps);
  }

  start(delayMs: number): void {
    this.#cancel = this.#deps.clock.after(delayMs, () => void this.#turn());
  }

  /** Any other page of the instance, as text. Never rejects. */
  async page(path: string, timeoutMs: number, maxBytes: number): Promise<string | NotGot> {
    const { getter, origin } = this.#deps;
    const pieces: Buffer[] = [];
    const onChunk = (chunk: Buffer) => {
      pieces.push(chunk);
      return null;
    };
    const { signal } = this.#closing;
    const why = await getter.get({ origin, path, timeoutMs, maxBytes, signal, onChunk });
    return why ?? Buffer.concat(pieces).toString("utf8");
  }

  /** Resolves when it was asked once. */
  async ask(): Promise<void> {
    const { getter, origin, timeoutMs, maxPageBytes, keepsHistory } = this.#deps;
    const reader = new PageReader(this.model);
    const after = keepsHistory ? this.model.after : Number.MAX_SAFE_INTEGER;
    const got = await getter.get({
      origin,
      path: `${fleetPagePath}?after=${after}`,
      timeoutMs,
      maxBytes: maxPageBytes,
      signal: this.#closing.signal,
      onChunk: (chunk) => reader.feed(chunk),
    });
    if (this.#closing.signal.aborted) return;
    const problem = got === null ? reader.end() : null;
    const why: NotGot | null =
      problem === null ? got : { kind: "page", text: `sent something else: ${problem}` };
    if (why === null) this.#succeeded();
    else this.#failed(why);
    this.#deps.changed(this);
  }

  close(): void {
    this.#closing.abort();
    this.#cancel();
    this.model.close();
    this.#deps.getter.close();
  }

  async #turn(): Promise<void> {
    const { clock } = this.#deps;
    const startedMs = clock.nowMs();
    await this.ask();
    if (this.#closing.signal.aborted) return;
    this.start(Math.max(10, this.#pauseMs() - (clock.nowMs() - startedMs)));
  }

  #pauseMs(): number {
    const { intervalMs, random } = this.#deps;
    if (this.state.name !== "down" || cheapKinds.has(this.state.why.kind)) return intervalMs;
    const maxMs = Math.max(intervalMs, maxPauseMs);
    return doublingMs(this.#failures, { minMs: intervalMs, maxMs }, 0.2, random);
  }

  #succeeded(): void {
    this.model.ended();
    this.#failures = 0;
    if (this.state.name !== "up") this.state = { name: "up", sinceMs: this.#deps.wallMs() };
  }

  #failed(why: NotGot): void {
    this.#failures += 1;
    const { state } = this;
    const sinceMs = state.name === "down" ? state.sinceMs : this.#deps.wallMs();
    this.state = { name: "down", sinceMs, why };
  }
}
