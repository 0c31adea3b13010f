// The proxies whose figures decide about a shift, asked through their admin servers.
import { leavesOf } from "../core/names/nametree.ts";
import { addPage, addTotals, noTotals, since } from "./exposition.ts";
import type { Totals } from "./exposition.ts";
import type { Tree } from "./weights.ts";

/** The admin server of one proxy. Pages come as text; they reject with a text for people. */
export interface ProxyPages {
  text(path: string, query?: Readonly<Record<string, string>>): Promise<string>;
}

export interface SidesTotals {
  readonly old: Totals;
  readonly new: Totals;
}

export class Proxies {
  readonly #proxies: readonly ProxyPages[];

  constructor(proxies: readonly ProxyPages[]) {
    this.#proxies = proxies;
  }

  /** The ids of the clients that a tree leads to, as the proxies resolve it now. */
  async idsOf(tree: Tree): Promise<ReadonlySet<string>> {
    const ids = new Set<string>();
    for (const proxy of this.#proxies) {
      for (const router of await routersOf(proxy)) {
        for (const path of leavesOf(tree)) {
          const text = await proxy.text("/delegator.json", { namespace: router, path });
          collectIds(JSON.parse(text), ids);
        }
      }
    }
    return ids;
  }

  /** Measures from its first call on; each call resolves with what came since. A failed one changes nothing. */
  meter(oldIds: ReadonlySet<string>, newIds: ReadonlySet<string>): () => Promise<SidesTotals> {
    const sum: SidesTotals = { old: noTotals(), new: noTotals() };
    let before: readonly SidesTotals[] | null = null;
    return async () => {
      const now = await Promise.all(
        this.#proxies.map(async (proxy) => {
          const page = await proxy.text("/admin/metrics/prometheus");
          const totals = { old: noTotals(), new: noTotals() };
          addPage(page, oldIds, totals.old);
          addPage(page, newIds, totals.new);
          return totals;
        }),
      );
      // Of each proxy by itself: in the sum of all, the growth of one would hide the restart of another.
      for (const [i, first] of before?.entries() ?? []) {
        addTotals(sum.old, since(first.old, now[i]?.old ?? first.old));
        addTotals(sum.new, since(first.new, now[i]?.new ?? first.new));
      }
      before = now;
      return sum;
    };
  }
}

async function routersOf(proxy: ProxyPages): Promise<readonly string[]> {
  const { registry } = JSON.parse(await proxy.text("/admin/registry.json")) as {
    registry?: { router?: Readonly<Record<string, unknown>> };
  };
  return Object.keys(registry?.router ?? {});
}

/** Of every leaf of a delegation, used or not: an alternative may be used later. */
function collectIds(json: unknown, ids: Set<string>): void {
  if (typeof json !== "object" || json === null) return;
  const { type, bound } = json as { readonly type?: unknown; readonly bound?: { id?: unknown } };
  if (type === "leaf" && typeof bound?.id === "string") ids.add(bound.id);
  for (const inner of Object.values(json)) collectIds(inner, ids);
}
