// Deterministic aperture: this proxy's share of the ring of endpoints, the same in every process.
import type { Random } from "../../core/clock.ts";
import { aliasTable } from "./alias.ts";
import type { Candidate, Distributor, Node } from "./balancer.ts";
import { rank } from "./balancer.ts";

/** A window covers at least so many endpoints, if there are as many. */
const minWindow = 12;

/** How much of one endpoint belongs to this proxy: 1 for all of it. */
interface Slice<E extends Candidate> {
  readonly node: Node<E>;
  readonly share: number;
}

/**
 * The endpoints stand on a ring in the order of a hash of their addresses, so that all proxies see
 * one ring; each proxy covers an arc that begins at its own place and has the length of all.
 */
export class FixedAperture<E extends Candidate> implements Distributor<E> {
  readonly loadChanged = null;
  readonly #id: number;
  readonly #total: number;
  readonly #random: Random;
  #ring: readonly Node<E>[] = [];
  #window: readonly Slice<E>[] = [];
  #draw: (random: Random) => number = () => 0;
  /** None of the window was open: all endpoints are in it until one of its own is back. */
  #home: readonly Slice<E>[] | null = null;

  constructor(id: number, total: number, random: Random) {
    this.#id = id;
    this.#total = total;
    this.#random = random;
  }

  /** What this proxy covers. */
  get window(): readonly Slice<E>[] {
    return this.#window;
  }

  update(nodes: readonly Node<E>[]): void {
    const places = nodes.map((node) => ({ node, key: ringKey(node) }));
    places.sort((a, b) => (a.key < b.key ? -1 : 1));
    this.#ring = places.map(({ node }) => node);
    this.#home = null;
    this.#use(this.#slices());
  }

  rebuild(): void {
    if (this.#home !== null || this.#window.some(isOpen)) return;
    this.#home = this.#window;
    this.#use(this.#ring.map((node) => ({ node, share: 1 })));
  }

  pick(nowMs: number): Node<E> {
    if (this.#home?.some(isOpen) === true) {
      this.#use(this.#home);
      this.#home = null;
    }
    const a = this.#window[this.#draw(this.#random)];
    if (a === undefined) throw new Error("bug: a distributor without nodes was asked to pick");
    for (let redraw = 0; redraw < 5; redraw++) {
      const b = this.#window[this.#draw(this.#random)];
      if (b !== undefined && b !== a) return betterShare(a, b, nowMs);
    }
    return a.node;
  }

  #use(window: readonly Slice<E>[]): void {
    this.#window = window;
    this.#draw = aliasTable(window.map(({ share }) => share));
  }

  #slices(): Slice<E>[] {
    const count = this.#ring.length;
    const clients = this.#total;
    const covered = Math.ceil((Math.min(minWindow, count) * clients) / count);
    // Counted in endpoints: exact where fractions of the ring would be rounded.
    const begin = ((this.#id % clients) * count) / clients;
    const length = (Math.min(clients, covered) * count) / clients;
    const slices: Slice<E>[] = [];
    for (let place = Math.floor(begin); place < begin + length; place++) {
      const share = Math.min(place + 1, begin + length) - Math.max(place, begin);
      const node = this.#ring[place % count];
      if (node !== undefined && share > 1e-9) addSlice(slices, node, share);
    }
    return slices;
  }
}

/** An arc as long as the ring ends in the endpoint in which it began. */
function addSlice<E extends Candidate>(slices: Slice<E>[], node: Node<E>, share: number): void {
  const [first] = slices;
  if (first?.node === node) slices[0] = { node, share: first.share + share };
  else slices.push({ node, share });
}

function isOpen<E extends Candidate>({ node }: Slice<E>): boolean {
  return node.endpoint.status === "open";
}

/** The healthier; of equally healthy ones the one with less load for its share. */
function betterShare<E extends Candidate>(a: Slice<E>, b: Slice<E>, nowMs: number): Node<E> {
  const byStatus = rank(a.node.endpoint.status) - rank(b.node.endpoint.status);
  if (byStatus !== 0) return byStatus < 0 ? a.node : b.node;
  const isLess = b.node.load(nowMs) / b.share < a.node.load(nowMs) / a.share;
  return isLess ? b.node : a.node;
}

/** A hash of the address (FNV-1a), then the address itself. */
function ringKey<E extends Candidate>({ endpoint }: Node<E>): string {
  const key = `${endpoint.address.host} ${endpoint.address.port}`;
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) {
    hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  }
  return `${(hash >>> 0).toString(16).padStart(8, "0")} ${key}`;
}
