// One service as discovery knows it: watched, its host names resolved, ready to be bound.
import type { Clock, Close } from "../../core/clock.ts";
import { ok, pending, source } from "../../core/live.ts";
import type { Live, State } from "../../core/live.ts";
import { leaf, neg } from "../../core/names/nametree.ts";
import type { NameTree } from "../../core/names/nametree.ts";
import type { AddressSet, Bound, HostResolver, NamingDeps } from "../../core/naming.ts";
import type { Path } from "../../core/names/path.ts";
import type { Address } from "../../core/address.ts";
import { computed } from "../binding/tracker.ts";
import type { Tracker } from "../binding/tracker.ts";
import type { Instance } from "./instance.ts";

/** A value of discovery that is asked for while `live` is watched; the last good one is remembered. */
export interface Watched<T, Report> {
  readonly live: Live<T>;
  readonly known: { readonly value: T } | null;
  /** How it stands, for people. */
  readonly report: Report;
  close(): void;
}

/** The Host header to send to a service's endpoints; null: the caller's own. */
export type Authority = Live<string> | null;

/** Owned by the namer; works while one of its Lives is watched. */
export class Service<Report> {
  readonly #watch: Watched<readonly Instance[], Report>;
  readonly #authority: Authority;
  readonly #hosts: HostResolver;
  /** `neg` while no instance has an address; never empty. */
  readonly #resolved: Live<AddressSet>;
  readonly #exists: Live<boolean>;
  readonly #addresses: Live<AddressSet>;
  readonly #bound = new Map<string, Bound>();
  /** The latest addresses by content, so that an unchanged address stays the same object. */
  #kept = new Map<string, Address>();

  constructor(
    watch: Watched<readonly Instance[], Report>,
    authority: Authority,
    { hosts, clock }: Pick<NamingDeps, "hosts" | "clock">,
  ) {
    this.#watch = watch;
    this.#authority = authority;
    this.#hosts = hosts;
    this.#resolved = computed((tracker) => this.#resolve(tracker), isSameSet);
    this.#exists = computed((tracker) => {
      const state = tracker.read(this, "resolved", () => this.#resolved);
      return state.kind === "ok" ? ok(state.value !== "neg") : state;
    }, Object.is);
    this.#addresses = held(this.#resolved, clock);
  }

  get report(): Report {
    return this.#watch.report;
  }

  get instances(): readonly Instance[] {
    return this.#watch.known?.value ?? [];
  }

  close(): void {
    this.#watch.close();
  }

  /** `~` while there is no instance, so that the dtab's alternative is used. */
  tree(id: Path, residual: Path): Live<NameTree<Bound>> {
    const bound = this.#boundTo(id, residual);
    const tree = leaf(bound);
    return computed((tracker) => {
      const state = tracker.read(this, "exists", () => this.#exists);
      return state.kind === "ok" ? ok(state.value ? tree : neg) : state;
    }, Object.is);
  }

  /** The same object for the same name, since clusters and bindings compare identities. */
  #boundTo(id: Path, residual: Path): Bound {
    const key = `${id} ${residual}`;
    const known = this.#bound.get(key);
    if (known !== undefined) return known;
    const bound = { id, residual, addresses: this.#addresses };
    // Residuals come from callers, so the map is bounded.
    if (this.#bound.size >= maxBound) this.#bound.clear();
    this.#bound.set(key, bound);
    return bound;
  }

  #resolve(tracker: Tracker): State<AddressSet> {
    const { live } = this.#watch;
    const state = tracker.read(this, "instances", () => live);
    if (state.kind !== "ok") return state;
    if (state.value.length === 0) return ok("neg");
    const authority = this.#readAuthority(tracker);
    if (authority.kind !== "ok") return authority;
    return this.#withAddresses(state.value, authority.value, tracker);
  }

  #readAuthority(tracker: Tracker): State<string | null> {
    const authority = this.#authority;
    return authority === null ? ok(null) : tracker.read(this, "authority", () => authority);
  }

  /** Leaves out instances whose host name has no address yet. */
  #withAddresses(
    instances: readonly Instance[],
    authority: string | null,
    tracker: Tracker,
  ): State<AddressSet> {
    const kept = new Map<string, Address>();
    let isWaiting = false;
    for (const instance of instances) {
      const { host } = instance;
      const state = tracker.read(this.#hosts, host, () => this.#hosts.resolve(host));
      if (state.kind === "pending") isWaiting = true;
      if (state.kind !== "ok") continue;
      for (const ip of state.value) this.#keep(ip, instance, authority, kept);
    }
    if (kept.size === 0) return isWaiting ? pending : ok("neg");
    this.#kept = kept;
    return ok([...kept.values()]);
  }

  #keep(
    host: string,
    { port, weight, meta }: Instance,
    authority: string | null,
    kept: Map<string, Address>,
  ): void {
    const all = authority === null ? meta : { ...meta, authority };
    const key = `${host} ${port} ${weight} ${all === undefined ? "" : JSON.stringify(all)}`;
    const address = { host, port, weight, ...(all === undefined ? {} : { meta: all }) };
    kept.set(key, this.#kept.get(key) ?? address);
  }
}

const maxBound = 100;
const holdMs = 1_000;

/**
 * The same addresses, kept a while longer when they disappear. A service without instances leaves
 * the tree; until its users have bound the alternative, which takes a moment, their calls need
 * addresses.
 */
function held(addresses: Live<AddressSet>, clock: Clock): Live<AddressSet> {
  return source((set) => {
    let last: AddressSet = "neg";
    let cancel: Close = () => {};
    const onState = (state: State<AddressSet>) => {
      cancel();
      if (state.kind === "ok" && state.value === "neg" && last !== "neg") {
        last = "neg";
        cancel = clock.after(holdMs, () => set(state));
        return;
      }
      if (state.kind === "ok") last = state.value;
      set(state);
    };
    const close = addresses.watch(onState);
    onState(addresses.state);
    return () => {
      cancel();
      close();
    };
  });
}

function isSameSet(a: AddressSet, b: AddressSet): boolean {
  if (a === "neg" || b === "neg") return a === b;
  return a.length === b.length && a.every((address, i) => address === b[i]);
}
