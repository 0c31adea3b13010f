// The dashboard's stream of events. However many listen, the process is read once a second and what changed is
// written down once; while nobody listens, nothing is done.
import { Readable } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Clock, Close } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import type { DashboardView } from "../views.ts";
import type { Change, Overview, Samples, ScopeRow } from "./shapes.ts";

export const maxListeners = 32;
const periodMs = 1_000;
/** A listener with so many bytes still unread is dropped: it can come back for a new snapshot. */
const maxUnreadBytes = 4 * 1024 * 1024;

/** What the listeners know. */
interface Sent {
  readonly overview: Overview;
  /** Each row as JSON, by key. */
  readonly rows: ReadonlyMap<string, string>;
  readonly routers: string;
  readonly problems: string;
  /** The number of the last sample. */
  readonly sample: number;
}

export class DashboardStream {
  readonly #view: DashboardView;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #listeners = new Set<Readable>();
  /** Asked for a stream, and wait for the first snapshot. */
  #joining = 0;
  /** null: nobody listens, or nothing has been read yet. */
  #sent: Sent | null = null;
  #cancel: Close | null = null;
  #isClosed = false;

  constructor(view: DashboardView, clock: Clock, log: Log) {
    this.#view = view;
    this.#log = log;
    this.#clock = clock;
  }

  get listeners(): number {
    return this.#listeners.size + this.#joining;
  }

  /** A stream of events; null: as many as may be listen already. */
  async listen(): Promise<Readable | null> {
    if (this.#isClosed || this.listeners >= maxListeners) return null;
    this.#joining += 1;
    try {
      const events = await this.#whole();
      const stream = new Readable({ read() {} });
      for (const text of events) stream.push(text);
      stream.once("close", () => this.#leave(stream));
      this.#listeners.add(stream);
      if (this.#cancel === null) this.#wait();
      return stream;
    } finally {
      this.#joining -= 1;
    }
  }

  /** All of one moment, as events: what comes after it reaches the new listener with the next change. */
  async #whole(): Promise<readonly string[]> {
    for (;;) {
      const samples = await this.#view.samples(-1);
      const curves = await eventsOf(samples);
      this.#sent ??= await this.#read();
      const sent = this.#sent;
      if (samples.last === sent.sample) return [snapshotOf(sent), ...curves];
      if (this.#listeners.size === 0) this.#sent = null;
    }
  }

  /** Ends all streams. */
  close(): void {
    this.#isClosed = true;
    for (const stream of this.#listeners) stream.push(null);
    this.#stop();
  }

  #leave(stream: Readable): void {
    this.#listeners.delete(stream);
    if (this.listeners === 0) this.#stop();
  }

  #stop(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#sent = null;
  }

  async #turn(): Promise<void> {
    const before = this.#sent;
    if (before === null) return;
    const now = await this.#read();
    const isNew = now.sample !== before.sample;
    const samples = isNew ? await this.#view.samples(before.sample) : null;
    if (this.#cancel === null) return; // all left meanwhile
    this.#sent = now;
    const { rows, ...change } = differences(before, now);
    this.#send(withRows("change", samples === null ? change : { ...change, samples }, rows));
    this.#wait();
  }

  #wait(): void {
    this.#cancel = this.#clock.after(periodMs, () => {
      this.#turn().catch((err: unknown) => {
        this.#log.error({ event: "dashboard failed", err });
        for (const stream of this.#listeners) stream.destroy();
      });
    });
  }

  #send(text: string): void {
    for (const stream of this.#listeners) {
      if (stream.readableLength > maxUnreadBytes) stream.destroy();
      else stream.push(text);
    }
  }

  async #read(): Promise<Sent> {
    const sample = this.#view.lastSample();
    const overview = await this.#view.overview();
    const rows = await written(overview.rows);
    const routers = JSON.stringify(overview.routers);
    return { overview, rows, routers, problems: JSON.stringify(overview.problems), sample };
  }
}

function snapshotOf({ overview, rows }: Sent): string {
  const { rows: _, ...rest } = overview;
  return `retry: 2000\n${withRows("snapshot", rest, Array.from(rows.values()))}`;
}

/** The rows are JSON already. A change without any leaves them out. */
function withRows(name: "snapshot" | "change", data: object, rows: readonly string[]): string {
  const others = JSON.stringify(data);
  if (rows.length === 0 && name === "change") return `event: ${name}\ndata: ${others}\n\n`;
  return `event: ${name}\ndata: ${others.slice(0, -1)},"rows":[${rows.join(",")}]}\n\n`;
}

const rowsPerTurn = 256;

/** Each row as JSON, by key; the event loop handles calls meanwhile. */
async function written(rows: readonly ScopeRow[]): Promise<ReadonlyMap<string, string>> {
  const texts = new Map<string, string>();
  for (const [i, row] of rows.entries()) {
    texts.set(row.key, JSON.stringify(row));
    if (i % rowsPerTurn === rowsPerTurn - 1) await nextTurn();
  }
  return texts;
}

/** Curves of so many scopes are written in one turn of the event loop. */
const scopesPerTurn = 32;

async function eventsOf({ byKey, ...rest }: Samples): Promise<string[]> {
  const entries = Object.entries(byKey);
  const events: string[] = [];
  for (let at = 0; at < entries.length; at += scopesPerTurn) {
    const some = Object.fromEntries(entries.slice(at, at + scopesPerTurn));
    events.push(event("samples", { ...rest, byKey: some }));
    await nextTurn();
  }
  return events;
}

function event(name: string, data: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}

function differences(
  before: Sent,
  now: Sent,
): Omit<Change, "rows" | "samples"> & { readonly rows: readonly string[] } {
  const { at, instance, routers, leftOut, problems } = now.overview;
  const rows: string[] = [];
  for (const [key, text] of now.rows) if (before.rows.get(key) !== text) rows.push(text);
  const gone = Array.from(before.rows.keys()).filter((key) => !now.rows.has(key));
  return {
    at,
    instance,
    rows,
    ...(now.routers === before.routers ? {} : { routers }),
    ...(gone.length === 0 ? {} : { gone }),
    ...(now.problems === before.problems ? {} : { problems }),
    ...(leftOut === before.overview.leftOut ? {} : { leftOut }),
  };
}
