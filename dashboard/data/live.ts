// What the process says of itself, kept current by one stream of events for as long as the page is seen.
import { useEffect, useState } from "preact/hooks";
import type {
  Change,
  Instance,
  Overview,
  Problems,
  RouterInfo,
  Samples,
  ScopeRow,
  SparkSamples,
} from "../../src/admin/dashboard/shapes.ts";

/** Samples of a curve: ten minutes. */
const samplesKept = 120;
const retryMs = 3_000;
/** A page that nobody has seen for so long lets go of its stream. */
const hiddenMs = 60_000;

export type Connection = // connecting -> live <-> lost
  | { readonly name: "connecting" }
  | { readonly name: "live" }
  | { readonly name: "lost"; readonly sinceMs: number; readonly why: string };

export interface Live {
  readonly connection: Connection;
  /** Of the data; null: there are none yet. */
  readonly at: string | null;
  readonly instance: Instance | null;
  readonly routers: readonly RouterInfo[];
  readonly rows: ReadonlyMap<string, ScopeRow>;
  readonly leftOut: number;
  /** null: nothing is known yet. */
  readonly problems: Problems | null;
  readonly samples: ReadonlyMap<string, SparkSamples>;
}

let state: Live = {
  connection: { name: "connecting" },
  at: null,
  instance: null,
  routers: [],
  rows: new Map(),
  leftOut: 0,
  problems: null,
  samples: new Map(),
};
const watchers = new Set<(live: Live) => void>();

function set(next: Partial<Live>): void {
  state = { ...state, ...next };
  for (const watcher of watchers) watcher(state);
}

/** Renders the component again with every message, once a second. */
export function useLive(): Live {
  const [live, show] = useState(state);
  useEffect(() => {
    show(state);
    watchers.add(show);
    return () => void watchers.delete(show);
  }, []);
  return live;
}

let source: EventSource | null = null;
let hiding: ReturnType<typeof setTimeout> | undefined;

export function connect(): void {
  open();
  document.addEventListener("visibilitychange", () => {
    clearTimeout(hiding);
    if (!document.hidden) open();
    else hiding = setTimeout(shut, hiddenMs);
  });
}

function open(): void {
  if (source !== null) return;
  const opened = new EventSource("dashboard/live");
  source = opened;
  opened.addEventListener("snapshot", ({ data }) => began(JSON.parse(data) as Overview));
  opened.addEventListener("samples", ({ data }) => {
    const { byKey } = JSON.parse(data) as Samples;
    set({ samples: new Map([...state.samples, ...Object.entries(byKey)]) });
  });
  opened.addEventListener("change", ({ data }) => changed(JSON.parse(data) as Change));
  opened.addEventListener("error", () => {
    if (state.connection.name !== "lost") {
      const why = "the process does not respond, or has no room for another listener";
      set({ connection: { name: "lost", sinceMs: Date.now(), why } });
    }
    // The browser tries again by itself, unless the server refused.
    if (opened.readyState !== EventSource.CLOSED || source !== opened) return;
    source = null;
    setTimeout(open, retryMs);
  });
}

function shut(): void {
  source?.close();
  source = null;
}

function began({ rows, ...rest }: Overview): void {
  set({
    ...rest,
    connection: { name: "live" },
    rows: new Map(rows.map((row) => [row.key, row])),
    samples: new Map(),
  });
}

function changed({ rows = [], gone = [], samples, ...rest }: Change): void {
  const next: Partial<Live> = { ...rest, connection: { name: "live" } };
  if (rows.length > 0 || gone.length > 0) {
    const all = new Map(state.rows);
    for (const row of rows) all.set(row.key, row);
    for (const key of gone) all.delete(key);
    Object.assign(next, { rows: all });
  }
  set(samples === undefined ? next : { ...next, samples: extended(samples) });
}

function extended({ byKey }: Samples): Map<string, SparkSamples> {
  const all = new Map<string, SparkSamples>();
  for (const [key, added] of Object.entries(byKey)) {
    const before = state.samples.get(key);
    const joined = added.map((curve, i) => [...(before?.[i] ?? []), ...curve].slice(-samplesKept));
    all.set(key, joined as unknown as SparkSamples);
  }
  return all;
}
