// The endpoints of one cluster: what discovery says, compared with what there is.
import type { AddressSet } from "../core/naming.ts";
import { showAddress } from "../core/address.ts";
import type { Address } from "../core/address.ts";
import type { Random } from "../core/clock.ts";
import type { Request } from "../core/request.ts";
import type { Counter } from "../core/stats.ts";
import type { Balancer, Node, Status } from "./balancers/balancer.ts";
import type { EndpointState, EndpointView } from "./cluster-view.ts";
import type { Doubt } from "./health/doubt.ts";
import type { Endpoint } from "./endpoint.ts";
import { endpointState, endpointView } from "./health/endpoint-view.ts";

export interface EndpointSetDeps<Req extends Request, Res> {
  readonly balancer: Balancer<Endpoint<Req, Res>>;
  /** Removed addresses stay while their endpoint is open, until an update finds it is not. */
  readonly enableProbation: boolean;
  /** Picks before all endpoints are looked at. */
  readonly maxEffort: number;
  readonly random: Random;
  readonly counters: {
    readonly adds: Counter;
    readonly removes: Counter;
    readonly updates: Counter;
  };
  make(address: Address): Endpoint<Req, Res>;
}

interface Member<Req extends Request, Res> {
  readonly endpoint: Endpoint<Req, Res>;
  readonly node: Node<Endpoint<Req, Res>>;
}

/** Owns the endpoints and keeps the balancer up to date. */
export class EndpointSet<Req extends Request, Res> {
  readonly #deps: EndpointSetDeps<Req, Res>;
  /** By `host:port`. */
  #members = new Map<string, Member<Req, Res>>();
  #open: Endpoint<Req, Res> | null = null;
  /** Retired ones that had calls in progress when last looked at. */
  #draining: readonly Endpoint<Req, Res>[] = [];

  constructor(deps: EndpointSetDeps<Req, Res>) {
    this.#deps = deps;
  }

  get size(): number {
    return this.#members.size;
  }

  all(): readonly Endpoint<Req, Res>[] {
    return Array.from(this.#members.values(), ({ endpoint }) => endpoint);
  }

  /** 0 without endpoints. */
  get meanWeight(): number {
    let sum = 0;
    for (const { endpoint } of this.#members.values()) sum += endpoint.address.weight;
    return sum / Math.max(1, this.size);
  }

  count(status: Status): number {
    let count = 0;
    for (const { endpoint } of this.#members.values()) if (endpoint.status === status) count++;
    return count;
  }

  /** As people see them, those that are draining last. */
  view(nowMs: number): readonly EndpointView[] {
    this.#draining = this.#draining.filter(({ pending }) => pending > 0);
    return [...this.all(), ...this.#draining].map((endpoint) => endpointView(endpoint, nowMs));
  }

  /** Whether one is out of the rotation. */
  get hasOut(): boolean {
    for (const { endpoint } of this.#members.values()) {
      if (endpoint.record.outSinceMs !== null) return true;
    }
    return false;
  }

  countIn(state: EndpointState): number {
    if (state === "draining") return this.#draining.filter(({ pending }) => pending > 0).length;
    let count = 0;
    for (const { endpoint } of this.#members.values())
      if (endpointState(endpoint) === state) count++;
    return count;
  }

  /** Whether one is open; looks at the one first that was open last. */
  get hasOpen(): boolean {
    if (this.#open?.status === "open") return true;
    for (const { endpoint } of this.#members.values()) {
      if (endpoint.status !== "open") continue;
      this.#open = endpoint;
      return true;
    }
    this.#open = null;
    return false;
  }

  /**
   * Whether one more may be ejected for failing calls, of which at most `maxPercent` of the reachable ones
   * may be at a time. One always may, and a hopeless one may when another does well or has not failed yet:
   * the limit keeps endpoints in use that are overloaded, not those that are broken. 0: none ever.
   */
  mayEject(maxPercent: number, isHopeless: boolean): boolean {
    if (maxPercent === 0) return false;
    let [failing, reachable, isOneGood] = [0, 0, false];
    for (const { endpoint } of this.#members.values()) {
      const { accrual } = endpoint;
      if (accrual === null || accrual.isAlive || accrual.isEjectedForFailing) reachable++;
      if (accrual === null) continue;
      if (accrual.isEjectedForFailing) failing++;
      if (accrual.isWell || accrual.hasNeverFailed) isOneGood = true;
    }
    if (failing === 0 || (failing + 1) * 100 <= maxPercent * reachable) return true;
    return isHopeless && isOneGood;
  }

  /** Whether an endpoint beside the one in doubt is open and has had next to no failures. */
  hasGoodBeside(doubt: Doubt): boolean {
    for (const { endpoint } of this.#members.values()) {
      const { accrual } = endpoint;
      if (accrual === null || endpoint.doubt === doubt || endpoint.isInDoubt) continue;
      if (endpoint.status === "open" && (accrual.isWell || accrual.hasNeverFailed)) return true;
    }
    return false;
  }

  /** Nothing for one that has left. */
  heldBack(key: string, failuresInARow: number, forMs: number, nowMs: number): void {
    const how = { why: "failing", failuresInARow } as const;
    this.#members.get(key)?.endpoint.record.ejected(how, forMs, nowMs);
  }

  /** Accrual may still eject it. */
  notHeldBack(key: string, nowMs: number): void {
    const endpoint = this.#members.get(key)?.endpoint;
    if (endpoint?.isAlive === true) endpoint.record.back(nowMs);
  }

  /**
   * For an attempt after one that failed at `failed`: another endpoint if there is one, by preference an
   * open one whose latest call succeeded, otherwise the one whose latest failure is longest ago.
   */
  pickAnother(failed: Address, nowMs: number): Node<Endpoint<Req, Res>> | null {
    const { balancer, maxEffort } = this.#deps;
    for (let effort = 0; effort <= maxEffort; effort++) {
      const node = balancer.pick(nowMs);
      if (node === null) return null;
      const { endpoint } = node;
      if (endpoint.failedMs !== -Infinity || isAt(endpoint, failed)) continue;
      if (endpoint.status === "open") return node;
    }
    const others = this.all().filter((endpoint) => !isAt(endpoint, failed));
    const open = others.filter(({ status }) => status === "open");
    return this.#longestAgo(open.length > 0 ? open : others)?.node ?? balancer.pick(nowMs);
  }

  /** null: it is not here any more. */
  nodeOf({ name }: { readonly name: string }): Node<Endpoint<Req, Res>> | null {
    return this.#members.get(name)?.node ?? null;
  }

  /** Endpoints that stay keep their connections, load and health, also when their weight changed. */
  update(addresses: AddressSet, nowMs: number): void {
    const { counters, balancer } = this.#deps;
    counters.updates.value++;
    const before = this.#members;
    const after = new Map<string, Member<Req, Res>>();
    // The first endpoints of a cluster have no others to leave calls to: they do not start slowly.
    const sinceMs = before.size === 0 ? -Infinity : nowMs;
    let hasChanged = false;
    for (const address of addresses === "neg" ? [] : addresses) {
      const key = showAddress(address);
      if (after.has(key)) continue;
      const known = before.get(key);
      if (known === undefined) counters.adds.value++;
      hasChanged ||= known === undefined || known.endpoint.address.weight !== address.weight;
      after.set(key, known ?? this.#join(address, sinceMs));
      if (known !== undefined) known.endpoint.address = address;
    }
    const removed: Member<Req, Res>[] = [];
    for (const [key, member] of before) {
      if (after.has(key)) continue;
      if (this.#deps.enableProbation && member.endpoint.status === "open") after.set(key, member);
      else removed.push(member);
    }
    this.#members = after;
    if (!hasChanged && removed.length === 0) return;
    balancer.update(Array.from(after.values(), ({ node }) => node));
    counters.removes.value += removed.length;
    for (const { endpoint } of removed) endpoint.retire(); // now that the balancer cannot pick it any more
    this.#draining = [...this.#draining, ...removed.map(({ endpoint }) => endpoint)].filter(
      ({ pending }) => pending > 0,
    );
  }

  close(graceMs: number): void {
    const closing = this.#members;
    this.#members = new Map();
    this.#deps.balancer.update([]);
    for (const { endpoint } of closing.values()) endpoint.close(graceMs);
  }

  /** It was dead and is back: it begins slowly again. */
  revived(key: string, nowMs: number): void {
    const member = this.#members.get(key);
    if (member !== undefined) member.node.sinceMs = nowMs;
  }

  /** Of those with the same time, any: from a random place. */
  #longestAgo(endpoints: readonly Endpoint<Req, Res>[]): Endpoint<Req, Res> | null {
    const start = Math.floor(this.#deps.random() * endpoints.length);
    let best: Endpoint<Req, Res> | null = null;
    for (let i = 0; i < endpoints.length; i++) {
      const each = endpoints[(start + i) % endpoints.length];
      if (each !== undefined && (best === null || each.failedMs < best.failedMs)) best = each;
    }
    return best;
  }

  #join(address: Address, sinceMs: number): Member<Req, Res> {
    const endpoint = this.#deps.make(address);
    const node = this.#deps.balancer.node(endpoint);
    node.sinceMs = sinceMs;
    endpoint.node = node;
    return { endpoint, node };
  }
}

function isAt({ address }: { readonly address: Address }, other: Address): boolean {
  return address.port === other.port && address.host === other.host;
}
