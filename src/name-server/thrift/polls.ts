// Long polls: a response goes out when the value is another one than its caller knows, by their stamps.
import { createHash } from "node:crypto";
import type { Clock, Close } from "../../core/clock.ts";
import type { Live, State } from "../../core/live.ts";

/** A value as it is sent. */
interface Sent<Fields> {
  /**
   * Eight bytes of a digest of the value: servers that agree in the stamp agree in the value, after a restart and
   * side by side.
   */
  readonly stamp: Buffer;
  readonly fields: Fields;
}

/** How long a watch goes on after its last poll: the next poll of the same caller comes soon. */
const lingerMs = 60_000;
/** Watches that nobody polls at this moment. */
const maxLingering = 10_000;

/** The watches behind the polls, by key. */
export class Polls {
  readonly #clock: Clock;
  /** Those without a poll at this moment, the oldest first. */
  readonly #lingering = new Map<string, Close>();
  readonly #sent = new WeakMap<object, Sent<unknown>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Calls `done` once, with a value whose stamp is another one, or with a failure; immediately when there is one.
   * The result cancels it.
   */
  poll<T, Fields>(
    key: string,
    live: Live<T>,
    known: Buffer,
    fieldsOf: (value: T) => Fields,
    done: (state: State<Sent<Fields>>) => void,
  ): Close {
    let isOver = false;
    const finish = (state: State<Sent<Fields>> | null) => {
      if (isOver) return;
      isOver = true;
      this.#linger(key, live);
      // Within `watch` there is nothing to close yet.
      queueMicrotask(() => unwatch());
      if (state !== null) done(state);
    };
    const look = (state: State<T>) => {
      if (state.kind === "pending") return;
      if (state.kind === "failed") return finish(state);
      const sent = this.#sentOf(state.value, fieldsOf);
      if (!sent.stamp.equals(known)) finish({ kind: "ok", value: sent });
    };
    const unwatch = live.watch(look);
    this.#lingering.get(key)?.();
    look(live.state);
    return () => finish(null);
  }

  close(): void {
    for (const end of this.#lingering.values()) end();
  }

  /** One encoding and one digest for all who poll a value. */
  #sentOf<T, Fields>(value: T, fieldsOf: (value: T) => Fields): Sent<Fields> {
    const known = typeof value === "object" && value !== null ? this.#sent.get(value) : undefined;
    // Safe cast: a value belongs to one kind of poll.
    if (known !== undefined) return known as Sent<Fields>;
    const fields = fieldsOf(value);
    const stamp = createHash("sha256").update(textOf(fields)).digest().subarray(0, 8);
    const sent = { stamp, fields };
    if (typeof value === "object" && value !== null) this.#sent.set(value, sent);
    return sent;
  }

  #linger(key: string, live: Live<unknown>): void {
    if (this.#lingering.has(key)) return;
    const [oldest] = this.#lingering.values();
    if (this.#lingering.size >= maxLingering) oldest?.();
    const unwatch = live.watch(() => {});
    const end = () => {
      cancel();
      this.#lingering.delete(key);
      unwatch();
    };
    const cancel = this.#clock.after(lingerMs, end);
    this.#lingering.set(key, end);
  }
}

function textOf(fields: unknown): string {
  return JSON.stringify(fields, (_, value: unknown) => (value instanceof Map ? [...value] : value));
}
