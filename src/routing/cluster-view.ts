// A cluster as the admin server shows it.
import type { Path } from "../core/names/path.ts";
import type { Status } from "./balancers/balancer.ts";

/**
 * `ejected`: gets no calls until its next probe; `probing`: one call decides whether it is back; `connecting`:
 * its first connection is being opened; `busy`: it has no room, is in doubt, or is suspected of being silent; `draining`: it
 * has left, and its last calls are ending.
 */
export type EndpointState = "open" | "ejected" | "probing" | "connecting" | "busy" | "draining";

export interface EndpointView {
  readonly address: string;
  readonly weight: number;
  /** As the balancer sees it. */
  readonly status: Status;
  readonly state: EndpointState;
  /** Milliseconds since it entered that state. */
  readonly sinceMs: number;
  readonly lastError: { readonly agoMs: number; readonly text: string } | null;
  /** Milliseconds until a call may probe it; null: it is not ejected. */
  readonly nextProbeMs: number | null;
  /** As its balancer compares it. */
  readonly load: number;
  readonly pending: number;
  readonly connections: number;
  /** null: no good call so far. */
  readonly latencyMs: number | null;
  readonly lastMinute: { readonly requests: number; readonly failures: number };
}

/** A client in Linkerd's `/client_state.json`, with `ejected` besides. */
export interface ClientState {
  /** Linkerd's words, and `unavailable`: it has addresses, and none of them takes calls. */
  readonly state: "pending" | "bound" | "failed" | "neg" | "unavailable";
  readonly addresses: readonly string[];
  /** Why calls are kept away from an address. Absent: all take calls. */
  readonly ejected?: Readonly<Record<string, string>>;
}

export interface ClusterView {
  readonly id: Path;
  /** `pending`: discovery has not responded; `failed`: it responded with an error. */
  readonly state: "pending" | "bound" | "failed";
  readonly detail: string;
  readonly pending: number;
  /** What discovery said last: how long ago, in milliseconds, and what is wrong since. */
  readonly source: { readonly ageMs: number | null; readonly problem: string | null };
  readonly endpoints: readonly EndpointView[];
}

export function clientState({ state, endpoints }: ClusterView): ClientState {
  const present = endpoints.filter((each) => each.state !== "draining");
  const addresses = present.map(({ address }) => address);
  if (state !== "bound") return { state, addresses };
  const out = present.filter((each) => each.state === "ejected" || each.state === "probing");
  if (out.length === 0) return { state: addresses.length === 0 ? "neg" : "bound", addresses };
  return {
    state: out.length === addresses.length ? "unavailable" : "bound",
    addresses,
    ejected: Object.fromEntries(
      out.map(({ address, lastError }) => [address, lastError?.text ?? ""]),
    ),
  };
}
