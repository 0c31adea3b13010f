// The last ten minutes of all servers, services and clients, sampled from the metrics: for the dashboard.
import type { Clock, Close } from "../../core/clock.ts";
import { inChunks } from "../chunked-work.ts";
import type { MetricsNode } from "../metrics.ts";
import { Series } from "./series.ts";
import { samplePeriodMs, Track } from "./track.ts";

/** What is followed; the scope is `rt/<router>/<kind>/<name>`. */
export interface Scope {
  readonly router: string;
  readonly kind: "server" | "service" | "client";
  readonly name: string;
  readonly node: MetricsNode;
}

const kinds = ["server", "service", "client"] as const;

/** Series that are kept: 500 of 3,840 bytes, which is 1.9 MB. */
const maxSeries = 500;

export interface History {
  /** The number of the last sample; -1: there is none yet. */
  readonly sample: number;
  /** Of a scope that was made since the last sample, a passing one, without a series. */
  trackOf(node: MetricsNode): Track;
  close(): void;
}

/**
 * Samples every five seconds, a few scopes in each turn of the event loop. A scope has a series from its
 * first call until it has had none for ten minutes. Owns one timer.
 */
export function keepHistory(root: MetricsNode, clock: Clock, limit = maxSeries): History {
  const history = new Sampler(root, clock, limit);
  history.start();
  return history;
}

class Sampler implements History {
  sample = -1;
  readonly #root: MetricsNode;
  readonly #clock: Clock;
  readonly #limit: number;
  #tracks = new Map<MetricsNode, Track>();
  #series = 0;
  #cancel: Close = () => {};
  #isClosed = false;

  constructor(root: MetricsNode, clock: Clock, limit: number) {
    this.#root = root;
    this.#clock = clock;
    this.#limit = limit;
  }

  start(): void {
    this.#cancel = this.#clock.after(samplePeriodMs, () => void this.#turn());
  }

  trackOf(node: MetricsNode): Track {
    return this.#tracks.get(node) ?? this.#begun(node, this.#clock.nowMs());
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel();
  }

  async #turn(): Promise<void> {
    await this.#take();
    if (!this.#isClosed) this.start();
  }

  async #take(): Promise<void> {
    const sample = this.sample + 1;
    const nowMs = this.#clock.nowMs();
    const kept = new Map<MetricsNode, Track>();
    const followed = this.#tracks;
    await inChunks(scopesIn(this.#root), ({ node }) => {
      const track = followed.get(node) ?? this.#begun(node, nowMs);
      kept.set(node, track);
      this.#follow(track, sample, nowMs);
    });
    this.#tracks = kept;
    this.#series = Array.from(kept.values()).filter(({ series }) => series !== null).length;
    this.sample = sample;
  }

  #begun(node: MetricsNode, nowMs: number): Track {
    return new Track(node, this.sample + 1, nowMs - samplePeriodMs);
  }

  #follow(track: Track, sample: number, nowMs: number): void {
    const moved = track.move(nowMs);
    const isCalled = moved.to.calls !== moved.from.calls;
    if (track.series !== null && !isCalled && !track.isActive(sample)) {
      track.series = null;
      this.#series -= 1;
    }
    if (track.series === null && isCalled && this.#series < this.#limit) {
      track.series = new Series();
      this.#series += 1;
    }
    track.take(sample, moved);
  }
}

/** All servers, services and clients, router by router. */
export function* scopesIn(root: MetricsNode): Iterable<Scope> {
  for (const [router, node] of Array.from(root.children.get("rt")?.children ?? [])) {
    for (const kind of kinds) {
      const scopes = node.children.get(kind)?.children ?? new Map<string, MetricsNode>();
      for (const [name, each] of Array.from(scopes)) yield { router, kind, name, node: each };
    }
  }
}
