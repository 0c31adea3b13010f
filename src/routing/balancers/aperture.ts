// `kind: aperture`: two choices within a window of the endpoints, as wide as the load needs, so that
// one of many proxies keeps few connections. With `peers` the window is fixed instead, and the
// windows of all proxies together cover the endpoints evenly.
//
//   loadBalancer:
//     kind: aperture
//     maxEffort: 5
//     smoothWindowMs: 5000
//     lowLoad: 0.5
//     highLoad: 2.0
//     minAperture: 1
//     peers: { id: 0, total: 10 }
import * as v from "valibot";
import type { Random } from "../../core/clock.ts";
import { plugin } from "../../core/plugin.ts";
import { decimal, integer, says } from "../../core/schema.ts";
import type { BalancerPlugin, Candidate, Distributor, Node } from "./balancer.ts";
import { rank } from "./balancer.ts";
import { balancerKeys, maxEffort, slowStart } from "./keys.ts";
import { FixedAperture } from "./fixed-aperture.ts";
import { pickOfTwo } from "./two-choices.ts";

const peers = () =>
  v.pipe(
    v.strictObject({
      id: says("Which of the proxies this one is, from 0.", integer(0)),
      total: says("How many proxies there are.", integer(1)),
    }),
    v.check(({ id, total }) => id < total, "expected an id below total: ids count from 0"),
  );

export const aperture: BalancerPlugin = plugin({
  kind: "aperture",
  schema: v.pipe(
    v.strictObject({
      kind: v.literal("aperture"),
      ...balancerKeys(),
      maxEffort: maxEffort(),
      slowStartMs: slowStart(),
      smoothWindowMs: says(
        "Over how long the number of calls in progress is averaged.",
        v.optional(integer(1), 5_000),
      ),
      lowLoad: says(
        "Calls in progress for each endpoint in the window: at most this, and it narrows.",
        v.optional(decimal(0, 1e6), 0.5),
      ),
      highLoad: says("At least this, and it widens.", v.optional(decimal(0, 1e6), 2)),
      minAperture: says("Endpoints that are in use at least.", v.optional(integer(1), 1)),
      peers: says(
        "A fixed share of the endpoints, where the proxies are counted.",
        v.optional(peers()),
      ),
    }),
    v.check(({ lowLoad, highLoad }) => lowLoad < highLoad, "expected lowLoad below highLoad"),
  ),
  create: (config, { random }) => {
    const { peers } = config;
    return {
      ...config,
      decayTimeMs: null,
      distributor: <E extends Candidate>() =>
        peers === undefined
          ? new Aperture<E>(config, random)
          : new FixedAperture<E>(peers.id, peers.total, random),
    };
  },
});

export interface LoadBand {
  readonly smoothWindowMs: number;
  readonly lowLoad: number;
  readonly highLoad: number;
  readonly minAperture: number;
}

/**
 * The window is the first `size` nodes in the order of their tokens, open ones first. Each call that
 * begins or ends moves it by at most one.
 */
export class Aperture<E extends Candidate> implements Distributor<E> {
  readonly #band: LoadBand;
  readonly #random: Random;
  /** In the order in which the window opens. */
  #order: Node<E>[] = [];
  /** Those that were not open when the order was made. */
  #down: readonly Node<E>[] = [];
  #size: number;
  /** Calls in progress, and their average over the smoothing window. */
  #total = 0;
  #average = 0;
  #stampMs = 0;

  constructor(band: LoadBand, random: Random) {
    this.#band = band;
    this.#random = random;
    this.#size = band.minAperture;
  }

  /** Endpoints in the window. */
  get size(): number {
    return this.#size;
  }

  readonly loadChanged = (_: Node<E>, delta: 1 | -1, nowMs: number): void => {
    const keep = Math.exp((this.#stampMs - nowMs) / this.#band.smoothWindowMs);
    this.#total += delta;
    this.#average = this.#total * (1 - keep) + this.#average * keep;
    this.#stampMs = nowMs;
    const load = this.#average / this.#size;
    if (load >= this.#band.highLoad) this.#resize(this.#size + 1);
    else if (load <= this.#band.lowLoad) this.#resize(this.#size - 1);
  };

  update(nodes: readonly Node<E>[]): void {
    this.#order = nodes.toSorted((a, b) => a.token - b.token);
    this.#total = nodes.reduce((sum, { endpoint }) => sum + endpoint.pending, 0);
    this.rebuild();
    this.#resize(this.#size);
  }

  rebuild(): void {
    const byToken = this.#order.toSorted((a, b) => a.token - b.token);
    this.#order = byToken.toSorted((a, b) => rank(a.endpoint.status) - rank(b.endpoint.status));
    this.#down = byToken.filter(({ endpoint }) => endpoint.status !== "open");
  }

  pick(nowMs: number): Node<E> {
    if (this.#down.some(({ endpoint }) => endpoint.status === "open")) this.rebuild();
    return pickOfTwo(this.#order, this.#size, this.#random, nowMs);
  }

  #resize(size: number): void {
    const min = Math.min(this.#band.minAperture, this.#order.length);
    this.#size = Math.max(1, min, Math.min(size, this.#order.length));
  }
}
