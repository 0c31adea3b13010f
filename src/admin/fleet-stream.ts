// The views of a fleet as a stream of events: each is written down once a second for all who watch it.
import { Readable } from "node:stream";
import type { Clock, Close } from "../core/clock.ts";
import type { FleetViews } from "./views.ts";

export const maxFleetListeners = 64;
const periodMs = 1_000;
/** What changes within this time after a quiet second is sent together. */
const collectMs = 100;
/** A listener with so many bytes unread is dropped: it can come back. */
const maxUnreadBytes = 4 * 1024 * 1024;

/** Owns its listeners; does nothing while there are none. */
export class FleetStream {
  readonly #fleet: FleetViews;
  readonly #clock: Clock;
  readonly #made: Readonly<Record<string, () => unknown>>;
  readonly #listeners = new Map<Readable, string>();
  #stopWatching: Close | null = null;
  #cancel: Close | null = null;
  #sentMs = -Infinity;
  /** The latest event of each view, as bytes: all who listen share them. */
  readonly #latest = new Map<string, { readonly bytes: Buffer; readonly atMs: number }>();

  constructor(fleet: FleetViews, clock: Clock) {
    this.#fleet = fleet;
    this.#clock = clock;
    const { overview, topology, services, problems } = fleet;
    this.#made = { overview, topology, services, problems };
  }

  get views(): readonly string[] {
    return Object.keys(this.#made);
  }

  has(view: string): boolean {
    return Object.hasOwn(this.#made, view);
  }

  /** null: as many as may be listen already. */
  listen(view: string): Readable | null {
    if (this.#listeners.size >= maxFleetListeners) return null;
    const stream = new Readable({ read() {} });
    stream.push("retry: 2000\n");
    stream.push(this.#eventOf(view));
    this.#listeners.set(stream, view);
    stream.once("close", () => this.#leave(stream));
    this.#stopWatching ??= this.#fleet.watch(
      () => this.#changed(),
      () => this.#end(),
    );
    return stream;
  }

  /** Otherwise the admin server would wait for its listeners during a shutdown. */
  #end(): void {
    for (const stream of this.#listeners.keys()) stream.push(null);
  }

  #leave(stream: Readable): void {
    this.#listeners.delete(stream);
    if (this.#listeners.size > 0) return;
    this.#stopWatching?.();
    this.#cancel?.();
    this.#stopWatching = this.#cancel = null;
  }

  #changed(): void {
    if (this.#cancel !== null) return;
    const waitMs = Math.max(collectMs, this.#sentMs + periodMs - this.#clock.nowMs());
    this.#cancel = this.#clock.after(waitMs, () => {
      this.#cancel = null;
      this.#sentMs = this.#clock.nowMs();
      this.#send();
    });
  }

  #send(): void {
    this.#latest.clear();
    for (const [stream, view] of this.#listeners) {
      if (stream.readableLength > maxUnreadBytes) stream.destroy();
      else stream.push(this.#eventOf(view));
    }
  }

  /** A large fleet's takes long to write down: however many come within a period, it is written once. */
  #eventOf(view: string): Buffer {
    const nowMs = this.#clock.nowMs();
    let latest = this.#latest.get(view);
    if (latest === undefined || nowMs - latest.atMs >= periodMs) {
      latest = { bytes: Buffer.from(event(view, this.#made[view]?.())), atMs: nowMs };
      this.#latest.set(view, latest);
    }
    return latest.bytes;
  }
}

function event(view: string, data: unknown): string {
  return `event: ${view}\ndata: ${JSON.stringify(data)}\n\n`;
}
