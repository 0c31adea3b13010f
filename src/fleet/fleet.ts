// A fleet: all instances that its sources list, each followed, and what is known of them together.
import type { Clock, Close, Random } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import { showAddress } from "../core/address.ts";
import type { FleetConfig } from "./config.ts";
import { SeriesMemory } from "./model/call-series.ts";
import type { SeriesBudget } from "./model/instance.ts";
import { Services } from "./model/services.ts";
import { PrometheusClient } from "./prometheus/client.ts";
import type { PrometheusAddress } from "./prometheus/client.ts";
import { PrometheusServices } from "./prometheus/services.ts";
import { Follower } from "./scrape/follower.ts";
import type { Target } from "./scrape/follower.ts";
import { openGetter } from "./scrape/get.ts";
import type { Getter } from "./scrape/get.ts";
import type { Listing, Source } from "./sources/source.ts";
import { EdgeMemory } from "./views/edge-memory.ts";

export interface FleetDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly sources: readonly Source[];
  /** For tests; undici's otherwise. */
  readonly openGetter?: (() => Getter) | undefined;
}

interface Watcher {
  changed(): void;
  closed(): void;
}

/** Instances that are followed; more are reported and left out. */
export const maxInstances = 1_000;
const tidyEveryMs = 2_000;
/** A hundred of these begin in a second, so that the first round does not come in one moment. */
const firstPauseMs = 10;

/** Owns its followers, the watches on its sources, and one timer. */
export class Fleet {
  readonly config: FleetConfig;
  readonly services = new Services();
  readonly budget: SeriesBudget;
  readonly edges = new EdgeMemory();
  /** null: the fleet itself keeps services and their history. */
  readonly prometheus: PrometheusServices | null;
  readonly #deps: FleetDeps;
  readonly #followers = new Map<string, Follower>();
  readonly #listings = new Map<Source, Listing>();
  readonly #watchers = new Set<Watcher>();
  readonly #closes: Close[] = [];
  /** Listed instances beyond the limit. */
  leftOut = 0;

  constructor(config: FleetConfig, deps: FleetDeps) {
    this.config = config;
    this.#deps = deps;
    this.budget = { max: config.maxSeries, used: 0, refused: 0, memory: new SeriesMemory() };
    this.prometheus = config.prometheus === null ? null : this.#prometheusOf(config.prometheus);
  }

  start(): void {
    for (const source of this.#deps.sources) {
      this.#closes.push(source.watch((listing) => this.#listed(source, listing)));
    }
    this.prometheus?.start(this.config.intervalMs, () => this.#changed());
    this.#tidyLater();
  }

  wallMs(): number {
    return this.#deps.clock.wallMs();
  }

  /** In the order of their names. */
  followers(): readonly Follower[] {
    return Array.from(this.#followers.values()).sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  }

  listings(): readonly { readonly text: string; readonly listing: Listing | null }[] {
    return this.#deps.sources.map((source) => {
      return { text: source.text, listing: this.#listings.get(source) ?? null };
    });
  }

  /** Calls `changed` whenever something new is known, which is often, and `closed` when nothing more will be. */
  watch(changed: () => void, closed: () => void): Close {
    const watcher = { changed, closed };
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  close(): void {
    for (const close of this.#closes.splice(0)) close();
    for (const follower of this.#followers.values()) follower.close();
    this.prometheus?.close();
    this.#followers.clear();
    for (const { closed } of Array.from(this.#watchers)) closed();
    this.#watchers.clear();
  }

  #prometheusOf(at: PrometheusAddress): PrometheusServices {
    const { clock } = this.#deps;
    const getter = openGetter(clock, { tls: this.config.credentials.tls, token: () => null });
    const protocolOf = (router: string) => {
      for (const { model } of this.#followers.values()) {
        const found = model.routers.get(router);
        if (found !== undefined) return found.protocol;
      }
      return "?";
    };
    return new PrometheusServices(new PrometheusClient(at, getter), clock, protocolOf);
  }

  #listed(source: Source, listing: Listing): void {
    const before = this.#listings.get(source);
    const targets = listing.targets ?? before?.targets ?? null;
    this.#listings.set(source, { targets, problem: listing.problem });
    const { log } = this.#deps;
    if (listing.problem !== null && listing.problem !== before?.problem) {
      log.warn({ event: "fleet list", source: source.text, problem: listing.problem });
    }
    this.#follow();
    this.#changed();
  }

  #follow(): void {
    const listed = new Map<string, Target>();
    for (const { targets } of this.#listings.values()) {
      for (const target of targets ?? []) {
        const key = showAddress(target);
        if ((listed.get(key)?.name ?? null) === null) listed.set(key, target); // a name is better than none
      }
    }
    for (const [key, follower] of this.#followers) {
      if (!listed.has(key)) follower.unlistedMs ??= this.wallMs();
    }
    this.leftOut = 0;
    let begun = 0;
    for (const [key, target] of listed) {
      const known = this.#followers.get(key);
      if (known !== undefined) {
        known.target = target;
        known.unlistedMs = null;
      } else if (this.#followers.size >= maxInstances) this.leftOut += 1;
      else this.#begin(key, target, begun++ * firstPauseMs);
    }
  }

  #begin(key: string, target: Target, delayMs: number): void {
    const { clock, random } = this.#deps;
    const { config, budget, services } = this;
    const scheme = config.credentials.tls === null ? "http" : "https";
    const follower = new Follower(target, {
      clock,
      random,
      budget,
      services,
      getter: this.#deps.openGetter?.() ?? openGetter(clock, config.credentials),
      origin: `${scheme}://${key}`,
      intervalMs: config.intervalMs,
      timeoutMs: config.timeoutMs,
      maxPageBytes: config.maxPageBytes,
      keepsHistory: config.prometheus === null,
      wallMs: () => clock.wallMs(),
      changed: () => this.#changed(),
    });
    this.#followers.set(key, follower);
    follower.start(delayMs);
  }

  #changed(): void {
    for (const { changed } of Array.from(this.#watchers)) changed();
  }

  #tidyLater(): void {
    this.#closes[this.#deps.sources.length] = this.#deps.clock.after(tidyEveryMs, () => {
      this.#tidy();
      this.#tidyLater();
    });
  }

  #tidy(): void {
    const nowMs = this.wallMs();
    this.services.prune(nowMs);
    for (const [key, follower] of this.#followers) {
      const { unlistedMs } = follower;
      if (unlistedMs === null || nowMs - unlistedMs < this.config.forgetAfterMs) continue;
      follower.close();
      this.#followers.delete(key);
      this.#changed();
    }
  }
}

/** What people call an instance. */
export function nameOf({ target, model }: Follower): string {
  return target.name ?? model.facts?.name ?? showAddress(target);
}

/** Its address: the identity of an instance. */
export function idOf({ target }: Follower): string {
  return showAddress(target);
}
