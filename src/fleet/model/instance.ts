// One instance as its pages describe it.
import type { PageSink } from "../page/reader.ts";
import { callKinds } from "../page/format.ts";
import type { CallKind, CallRow, InstanceHeader } from "../page/format.ts";
import { CallSeries } from "./call-series.ts";
import type { SeriesMemory } from "./call-series.ts";
import { Endpoints } from "./endpoints.ts";
import type { Services } from "./services.ts";
import type { EndpointFacts, ProblemFacts, RouterRow } from "../views/shapes.ts";

/** A router of an instance, by its label. */
export interface RouterModel extends RouterRow {
  readonly calls: Readonly<Record<CallKind, Map<string, CallSeries>>>;
  readonly endpoints: Endpoints;
}

/** What is observed of all instances shares these limits. */
export interface SeriesBudget {
  readonly max: number;
  used: number;
  /** Rows for which there was no room, since the start. */
  refused: number;
  readonly memory: SeriesMemory;
}

export interface InstanceDeps {
  wallMs(): number;
  /** Whether the last hour is kept: not when Prometheus does. */
  readonly keepsHistory: boolean;
  readonly budget: SeriesBudget;
  readonly services: Services;
}

/** Filled by one page after the other. */
export class InstanceModel implements PageSink {
  facts: InstanceHeader | null = null;
  problems: readonly ProblemFacts[] = [];
  readonly routers = new Map<string, RouterModel>();
  /** Wall time of the last whole page. */
  lastSeenMs = 0;
  /** How far its clock is ahead of ours, in ms; a page's way included. */
  skewMs = 0;
  readonly #deps: InstanceDeps;
  #isFirst = true;
  #receivedMs = 0;
  #byIndex: RouterModel[] = [];
  #newProblems: ProblemFacts[] = [];
  #page = 0;

  constructor(deps: InstanceDeps) {
    this.#deps = deps;
  }

  /** The slice behind which latencies are wanted. */
  get after(): number {
    return this.facts === null ? -1 : this.facts.slice - 1;
  }

  header(header: InstanceHeader): void {
    const before = this.facts;
    this.#receivedMs = this.#deps.wallMs();
    this.#isFirst = before === null;
    if (before !== null && before.run !== header.run) this.#restart();
    this.facts = header;
    this.skewMs = header.at - this.#receivedMs;
    this.#byIndex = header.routers.map((router) => this.#router(router));
    this.#newProblems = [];
    this.#page += 1;
  }

  problem(problem: ProblemFacts): void {
    this.#newProblems.push(problem);
  }

  calls(row: CallRow): void {
    const [kind, index, name] = row;
    const router = this.#byIndex[index];
    const header = this.facts;
    if (router === undefined || header === null) return;
    const series = router.calls[kind].get(name) ?? this.#add(router, kind, name);
    if (series === null) return;
    series.seenMs = this.#receivedMs;
    const windowMs = Math.min(6 * header.sliceMs, Math.max(1_000, header.at - header.startedAt));
    series.update(row, this.#receivedMs, windowMs, this.#isFirst);
    if (kind === "service") this.#takeSlices(router, series, row, header);
  }

  endpoint(index: number, client: string, facts: EndpointFacts): void {
    this.#byIndex[index]?.endpoints.take(client, facts, this.#page);
  }

  /** The page was whole: what it did not have is gone. */
  ended(): void {
    this.problems = this.#newProblems;
    for (const { endpoints } of this.#byIndex) endpoints.keepOnly(this.#page);
    for (const [label, router] of this.routers) {
      if (!this.#byIndex.includes(router)) this.#forgetRouter(label, router);
      else this.#forgetIdle(router);
    }
    this.lastSeenMs = this.#deps.wallMs();
  }

  /** Gives its share of the budget back. */
  close(): void {
    for (const [label, router] of this.routers) this.#forgetRouter(label, router);
  }

  #restart(): void {
    for (const { calls } of this.routers.values()) {
      for (const kind of callKinds) for (const series of calls[kind].values()) series.restart();
    }
  }

  #router(row: RouterRow): RouterModel {
    const known = this.routers.get(row.label);
    const model: RouterModel = {
      ...row,
      calls: known?.calls ?? { service: new Map(), client: new Map(), server: new Map() },
      endpoints: known?.endpoints ?? new Endpoints((text) => this.#deps.services.nameOf(text)),
    };
    this.routers.set(row.label, model);
    return model;
  }

  #add(router: RouterModel, kind: CallKind, name: string): CallSeries | null {
    const { budget, keepsHistory } = this.#deps;
    if (budget.used >= budget.max) {
      budget.refused += 1;
      return null;
    }
    budget.used += 1;
    const series = new CallSeries(budget.memory, keepsHistory && kind !== "client");
    router.calls[kind].set(this.#deps.services.nameOf(name), series);
    return series;
  }

  #takeSlices(router: RouterModel, series: CallSeries, row: CallRow, header: InstanceHeader): void {
    const slices = row[11];
    for (const slice of slices) {
      const [number = 0] = slice;
      if (number <= series.lastSlice || number > header.slice) continue;
      series.lastSlice = number;
      const endedMs = this.#receivedMs - (header.slice - number - 1) * header.sliceMs;
      // The end of a slice that is just over belongs to the slot before, like the calls in it.
      this.#deps.services.of(router.label, row[2])?.add(slice, endedMs - header.sliceMs / 2);
    }
  }

  #forgetRouter(label: string, router: RouterModel): void {
    for (const kind of callKinds) {
      for (const [name, series] of router.calls[kind]) this.#drop(router, kind, name, series);
    }
    this.routers.delete(label);
  }

  /** Scopes that the instance dropped, once what is kept of them is old. */
  #forgetIdle(router: RouterModel): void {
    for (const kind of callKinds) {
      const keptMs = kind === "client" ? 2 * 60_000 : 60 * 60_000;
      for (const [name, series] of router.calls[kind]) {
        if (this.#receivedMs - series.seenMs < keptMs) continue;
        this.#drop(router, kind, name, series);
      }
    }
  }

  #drop(router: RouterModel, kind: CallKind, name: string, series: CallSeries): void {
    router.calls[kind].delete(name);
    series.close();
    this.#deps.budget.used -= 1;
  }
}
