// What the core may know of a request; protocols add their own fields.
import type { Address } from "./address.ts";
import type { NotedAttempt } from "./calls/ended-call.ts";
import type { Via } from "./calls/via.ts";
import type { CallWaits } from "./calls/waits.ts";
import type { Dtab } from "./names/dtab.ts";
import type { Path } from "./names/path.ts";
import type { PeerIdentity } from "./tls/tls.ts";
import type { TraceId } from "./tracing/trace-id.ts";

/** All the router may know of a request. Protocols add their own fields. */
export interface Request {
  /** When the caller stops waiting, in `Clock.nowMs` milliseconds; Infinity: never. */
  deadlineMs: number;
  /** Overrides sent with the request; applied after the router's own dtab. Usually empty. */
  readonly localDtab: Dtab;
  /** True while the whole request is still at hand and can be sent again. */
  readonly replayable: boolean;
  /**
   * True when sending it twice has the effect of sending it once: by its method (RFC 9110 section
   * 9.2.2), or because the configuration says so. Never for a call without a response.
   */
  readonly idempotent: boolean;
  /** Who sent it; absent or null: not known. */
  readonly peer?: { readonly identity: PeerIdentity | null } | null;

  // Where it went. Written by the router on the way down; read by the wire, the log and filters.
  /** The logical name, such as `/svc/users`; null until identified. */
  logicalName: Path | null;
  /** What it was bound to; null until that was chosen. */
  bound: BoundName | null;
  /** The chosen endpoint; null until one was chosen. */
  endpoint: Address | null;
  /** The router's own notes: its Destination, and the ClusterHandle of the latest attempt. */
  destination: object | null;
  clusterHandle: object | null;
  /** `timeoutMs` of the server, when that set `deadlineMs`; absent: the caller did. */
  serverTimeoutMs?: number;
  /** The faults that were injected into it, for the caller to see; absent: none. */
  fault?: string;
  /** The server's span of the call; null or absent: no spans are exported. */
  span?: TraceId | null;
  /** The latest attempt, which knows those before it; null or absent: none was made. */
  lastAttempt?: NotedAttempt | null;
  /** Where it had to wait; null or absent: nowhere. */
  waits?: CallWaits | null;
}

/** A logical name and what it was bound to: one for all its calls, until it is rebound. */
export interface BoundName {
  readonly logicalName: Path;
  /** The id of the bound name, such as `/#/io.l5d.fs/users`. */
  readonly id: Path;
  /** What the bound name left unused, `/` when nothing. */
  readonly residual: Path;
  /** The rules that led here; null or absent: unknown, or none. */
  readonly via?: Via | null;
  /** The protocol's: what it made of these names for the first call; null: nothing yet. */
  note: string | null;
}
