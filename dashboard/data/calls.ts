// Calls: those that the process keeps, and those that end while the page listens.
import { useEffect, useRef, useState } from "preact/hooks";
import type { CallRecord } from "../../src/admin/dashboard/shapes.ts";
import { readJson, useJson, type Loaded } from "./json.ts";
import { address } from "./route.ts";

/** A record, and why it is kept; of a call that was only heard, not at all. */
export type Call = CallRecord & { readonly kept?: readonly string[] };

export type CallFilters = Readonly<Record<string, string>>;

interface Kept {
  readonly requests: readonly Call[];
}

const periodMs = 3_000;
const shownCalls = 200;
/** Of the process, calls a second: more cannot be read. */
const rate = 20;

/** What the page has heard, so that one of them can be opened: the process may not keep it. */
const heard = new Map<string, Call>();

export function useKeptCalls(
  filters: CallFilters | null,
  limit = shownCalls,
): Loaded<readonly Call[]> {
  const url = filters === null ? null : address("requests.json", { ...filters, limit });
  const loaded = useJson<Kept>(url, periodMs);
  return loaded.name === "ok" ? { name: "ok", value: loaded.value.requests } : loaded;
}

export interface Tapped {
  /** Newest first. */
  readonly calls: readonly Call[];
  readonly dropped: number;
  readonly problem: string | null;
}

const nothing: Tapped = { calls: [], dropped: 0, problem: null };

/** Calls as they end; null: not now. What was heard stays until the filters change. */
export function useTap(filters: CallFilters | null): Tapped {
  const [tapped, show] = useState(nothing);
  const waiting = useRef<Call[]>([]);
  const url = filters === null ? null : address("tap", { ...filters, rate });
  useEffect(() => {
    if (url === null) return;
    show(nothing);
    const source = new EventSource(url);
    source.addEventListener("call", ({ data }) => {
      const call = JSON.parse(data) as Call;
      remember(call);
      waiting.current.push(call);
    });
    source.addEventListener("dropped", ({ data }) => {
      const { dropped } = JSON.parse(data) as { readonly dropped: number };
      show((before) => ({ ...before, dropped: before.dropped + dropped }));
    });
    source.addEventListener("error", () => void explain(source, url, show));
    // Shown together: twenty calls a second are twenty renderings otherwise.
    const timer = setInterval(() => {
      const added = waiting.current.splice(0).toReversed();
      if (added.length === 0) return;
      show((before) => ({ ...before, calls: [...added, ...before.calls].slice(0, shownCalls) }));
    }, 300);
    return () => {
      clearInterval(timer);
      source.close();
    };
  }, [url]);
  return tapped;
}

/** Browsers do not say why a stream was refused. */
async function explain(
  source: EventSource,
  url: string,
  show: (change: (before: Tapped) => Tapped) => void,
): Promise<void> {
  if (source.readyState !== EventSource.CLOSED) return;
  const controller = new AbortController();
  const loaded = await readJson(url, { signal: controller.signal, method: "HEAD" });
  controller.abort();
  const problem = loaded.name === "failed" ? loaded.why : "too many listen already";
  show((before) => ({ ...before, problem: problem === "" ? "it was refused" : problem }));
}

function remember(call: Call): void {
  heard.set(call.id, call);
  for (const id of heard.keys()) {
    if (heard.size <= 2 * shownCalls) return;
    heard.delete(id);
  }
}

/** One call by its id, whether it was heard or is kept by the process. */
export function useCall(id: string): Loaded<Call | null> {
  const own = heard.get(id) ?? null;
  const loaded = useJson<Kept>(
    own === null ? address("requests.json", { limit: 1_000 }) : null,
    null,
  );
  if (own !== null) return { name: "ok", value: own };
  if (loaded.name !== "ok") return loaded;
  return { name: "ok", value: loaded.value.requests.find((each) => each.id === id) ?? null };
}
