// The proxies whose figures decide about a shift, asked through their admin servers.
import type { Path } from "../core/names/path.ts";
import { addPage, noTotals } from "./exposition.ts";
import type { Totals } from "./exposition.ts";
import type { Tree } from "./weights.ts";

/** Fetches a page as text; rejects with a text for people. */
export type FetchPage = (url: string) => Promise<string>;

export interface SidesTotals {
  readonly old: Totals;
  readonly new: Totals;
}

export class Proxies {
  readonly #urls: readonly string[];
  readonly #fetchPage: FetchPage;

  /** Addresses of admin servers, such as `http://127.0.0.1:9990`. */
  constructor(urls: readonly string[], fetchPage: FetchPage) {
    this.#urls = urls.map((url) => url.replace(/\/+$/, ""));
    this.#fetchPage = fetchPage;
  }

  get count(): number {
    return this.#urls.length;
  }

  /** The ids of the clients that a tree leads to, as the proxies resolve it now. */
  async idsOf(tree: Tree): Promise<ReadonlySet<string>> {
    const ids = new Set<string>();
    for (const url of this.#urls) {
      for (const router of await this.#routers(url)) {
        for (const path of leavesOf(tree)) {
          const query = new URLSearchParams({ namespace: router, path });
          const text = await this.#fetchPage(`${url}/delegator.json?${query}`);
          collectIds(JSON.parse(text), ids);
        }
      }
    }
    return ids;
  }

  async totals(oldIds: ReadonlySet<string>, newIds: ReadonlySet<string>): Promise<SidesTotals> {
    const totals = { old: noTotals(), new: noTotals() };
    const pages = await Promise.all(
      this.#urls.map((url) => this.#fetchPage(`${url}/admin/metrics/prometheus`)),
    );
    for (const page of pages) {
      addPage(page, oldIds, totals.old);
      addPage(page, newIds, totals.new);
    }
    return totals;
  }

  async #routers(url: string): Promise<readonly string[]> {
    const { registry } = JSON.parse(await this.#fetchPage(`${url}/admin/registry.json`)) as {
      registry?: { router?: Readonly<Record<string, unknown>> };
    };
    return Object.keys(registry?.router ?? {});
  }
}

function leavesOf(tree: Tree): readonly Path[] {
  switch (tree.kind) {
    case "leaf":
      return [tree.value];
    case "alt":
      return tree.trees.flatMap(leavesOf);
    case "union":
      return tree.branches.flatMap((branch) => leavesOf(branch.tree));
    default:
      return [];
  }
}

/** Of every leaf of a delegation, used or not: an alternative may be used later. */
function collectIds(json: unknown, ids: Set<string>): void {
  if (typeof json !== "object" || json === null) return;
  const { type, bound } = json as { readonly type?: unknown; readonly bound?: { id?: unknown } };
  if (type === "leaf" && typeof bound?.id === "string") ids.add(bound.id);
  for (const inner of Object.values(json)) collectIds(inner, ids);
}
