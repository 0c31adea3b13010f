// One logical name as calls use it: its filters, and what it is bound to at this moment.
import type { Clock, Close, Random } from "../core/clock.ts";
import type { Dtab } from "../core/names/dtab.ts";
import { shortDtab, showDtab } from "../core/names/dtab.ts";
import type { Failure } from "../core/failure.ts";
import { failure } from "../core/failure.ts";
import type { Live, State } from "../core/live.ts";
import type { Bound } from "../core/naming.ts";
import { mapTree } from "../core/names/nametree.ts";
import type { NameTree } from "../core/names/nametree.ts";
import type { Path } from "../core/names/path.ts";
import type { BoundName, Request } from "../core/request.ts";
import type { Classifier } from "../core/classifier.ts";
import type { Selector } from "../core/names/select.ts";
import { selector } from "../core/names/select.ts";
import type { Pending, Reply, Service } from "../core/service.ts";
import { ended } from "../core/service.ts";
import type { RetryBudget } from "./budget.ts";
import type { TokenRate } from "../core/pacing/token-bucket.ts";
import type { RateLimited } from "./filters/rate-limit.ts";
import type { RetryScope, RetryStats } from "./filters/retry.ts";
import type { CallOwner } from "./filters/stats.ts";
import type { Trace } from "./trace-limiter.ts";
import type { Cached } from "./idle-cache.ts";
import type { ClusterHandle, OpenClusterHandle } from "./cluster-handle.ts";
import type { ServiceOptions } from "./options.ts";
import type { ServiceScope } from "./stats/service-scope.ts";
import { WaitingRoom } from "./waiting-room.ts";

export interface DestinationDeps<Req extends Request, Res> {
  readonly clock: Clock;
  readonly random: Random;
  readonly options: ServiceOptions<Req, Res>;
  readonly scope: ServiceScope;
  /** The `destinationStack` of these options. */
  readonly service: Service<Req, Res>;
  readonly bindingTimeoutMs: number;
  /** For people: the name's local dtab stands behind it already in `binding`. */
  readonly baseDtab: Dtab;
  readonly binding: Live<NameTree<Bound>>;
  readonly openCluster: OpenClusterHandle<Req, Res>;
  readonly trace: Trace;
  /** What to change when the name leads nowhere; null: the router's dtab. */
  readonly unboundAdvice: string | null;
  /** Says that a call has ended: the cache counts it as a use. The same for all. */
  readonly touched: (destination: Destination<Req, Res>) => void;
  /** Once, when it has closed. */
  closed(): void;
}

export interface DestinationView {
  readonly logicalName: Path;
  /** The overrides that the calls carried; empty when none. */
  readonly localDtab: string;
  readonly state: "pending" | "bound" | "failed" | "unbound";
  readonly detail: string;
  readonly pending: number;
  readonly bound: readonly { readonly id: Path; readonly residual: Path; readonly share: number }[];
}

/** A name whose calls find no address. */
export interface NameTrouble {
  readonly logicalName: Path;
  /** The calls' own dtab; empty: none. */
  readonly localDtab: string;
  /** `unbound`: it leads nowhere; `unresolved`: discovery does not say where it leads. */
  readonly kind: "unbound" | "unresolved";
  /** Of an unresolved name: why. */
  readonly detail: string;
  /** Calls that failed for it, since when, and when the last one did. */
  readonly calls: number;
  readonly sinceMs: number;
  readonly lastMs: number;
}

/** What a leaf of the bound tree became. */
interface Target<Req extends Request, Res> extends BoundName {
  readonly cluster: ClusterHandle<Req, Res>;
}

/** Owns a watch on the binding, and the handles on the clusters that it names. */
export class Destination<Req extends Request, Res>
  implements Cached, CallOwner<Req, Res>, RetryScope
{
  // First what every call touches: an object's fields lie side by side, in this order.
  readonly stats: ServiceScope;
  readonly classifier: Classifier<Req, Res>;
  readonly retryBudget: RetryBudget;
  readonly #service: Service<Req, Res>;
  readonly #touched: (destination: Destination<Req, Res>) => void;
  /** Where all calls go, when there is no choice. */
  #only: Target<Req, Res> | null = null;
  pending = 0;
  lastUse = 0;
  readonly #isOneShot: boolean;
  readonly #logicalName: Path;
  readonly #localDtab: Dtab;
  readonly #deps: DestinationDeps<Req, Res>;
  readonly #waiting: WaitingRoom<Req, Res>;
  /** By the id of the bound name. */
  readonly #clusters = new Map<Path, ClusterHandle<Req, Res>>();
  readonly #binding: Live<NameTree<Bound>>;
  readonly #unwatch: Close;
  /** null until the name was bound for the first time; after that the last good binding. */
  #selector: Selector<Target<Req, Res>> | null = null;
  #limited: RateLimited | null = null;
  /** Calls that found no address, since it last led somewhere: how many, the first and the last. */
  #lost = { calls: 0, sinceMs: 0, lastMs: 0 };
  #isClosed = false;

  constructor(
    logicalName: Path,
    localDtab: Dtab,
    isOneShot: boolean,
    deps: DestinationDeps<Req, Res>,
  ) {
    const { clock, options, scope, binding, bindingTimeoutMs } = deps;
    this.#logicalName = logicalName;
    this.#localDtab = localDtab;
    this.#isOneShot = isOneShot;
    this.#deps = deps;
    this.#waiting = new WaitingRoom({
      clock,
      timeoutMs: bindingTimeoutMs,
      what: `resolving name: ${logicalName}`,
      cause: () => (binding.state.kind === "pending" ? binding.state.why : undefined),
    });
    this.stats = scope;
    this.classifier = options.classifier;
    this.retryBudget = scope.budget(options.retries.budget);
    this.#service = deps.service;
    this.#touched = deps.touched;
    this.#binding = binding;
    this.#unwatch = binding.watch((state) => this.#onBinding(state));
    this.#onBinding(binding.state);
  }

  get retries(): RetryStats {
    return this.stats.retries;
  }

  /** Takes a call that has this name. */
  serve(request: Req, reply: Reply<Res>): Pending {
    request.destination = this;
    return this.#service(request, reply);
  }

  began(nowMs: number): void {
    this.pending++;
    this.retryBudget.deposit(nowMs);
  }

  ended(): void {
    this.pending--;
    this.#touched(this);
    if (this.#isOneShot && this.pending === 0) this.close();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#unwatch();
    this.#waiting.refuse(failure("exhausted", `${this.#logicalName} was closed`, "safe"));
    for (const cluster of this.#clusters.values()) cluster.close();
    this.#deps.closed();
  }

  view(): DestinationView {
    const { state } = this.#binding;
    const shares = this.#selector?.shares ?? [];
    const bound = shares.flatMap(({ value, probability }) =>
      value === null ? [] : [{ id: value.id, residual: value.residual, share: probability }],
    );
    return {
      logicalName: this.#logicalName,
      localDtab: showDtab(this.#localDtab),
      state: this.#stateName(bound.length),
      detail: state.kind === "failed" ? state.why.detail : "",
      pending: this.pending,
      bound,
    };
  }

  /** null: its calls find addresses, or no call has asked. */
  get trouble(): NameTrouble | null {
    const { state } = this.#binding;
    const isWaiting = this.#selector === null && this.#waiting.size > 0;
    const isLate = isWaiting && state.kind === "pending" && state.why !== undefined;
    const nowMs = isLate ? this.#deps.clock.nowMs() : 0;
    if (isLate) this.#noteLost(nowMs, this.#waiting.size);
    if (this.#lost.calls === 0) return null;
    const why =
      state.kind === "pending" ? state.why : state.kind === "failed" ? state.why.detail : undefined;
    return {
      logicalName: this.#logicalName,
      localDtab: showDtab(this.#localDtab),
      kind: this.#selector === null ? "unresolved" : "unbound",
      detail: why ?? "",
      ...this.#lost,
    };
  }

  #noteLost(nowMs: number, calls: number): void {
    const lost = this.#lost;
    if (lost.calls === 0) lost.sinceMs = nowMs;
    lost.calls = calls;
    lost.lastMs = nowMs;
  }

  #stateName(boundCount: number): DestinationView["state"] {
    if (this.#selector !== null) return boundCount > 0 ? "bound" : "unbound";
    return this.#binding.state.kind === "failed" ? "failed" : "pending";
  }

  /** The limits that all calls of its service share; only for a service that has one. */
  limited(options: TokenRate): RateLimited {
    return (this.#limited ??= {
      rateLimit: this.stats.rateLimit(options),
      limitedName: this.#logicalName,
    });
  }

  /** Takes a call that has passed the filters. */
  bind(request: Req, reply: Reply<Res>): Pending {
    if (this.#selector === null) return this.#wait(request, reply);
    const target = this.#only ?? this.#selector.pick(this.#deps.random);
    if (target === null) {
      reply.end(this.#unbound());
      return ended;
    }
    request.bound = target;
    return target.cluster.send(request, reply);
  }

  #wait(request: Req, reply: Reply<Res>): Pending {
    const { state } = this.#binding;
    if (state.kind !== "failed") {
      return this.#waiting.wait(request, reply, (r, to) => this.bind(r, to));
    }
    reply.end(this.#unresolved(state.why));
    return ended;
  }

  #onBinding(state: State<NameTree<Bound>>): void {
    switch (state.kind) {
      case "pending":
        return; // before the first binding calls wait; after it the last good one is kept
      case "failed":
        if (this.#selector === null) this.#waiting.refuse(this.#unresolved(state.why));
        return;
      case "ok":
        this.#rebind(state.value);
        this.#waiting.admit();
        return;
      default:
        state satisfies never;
    }
  }

  #rebind(tree: NameTree<Bound>): void {
    const kept = new Set<Path>();
    this.#selector = selector(mapTree(tree, (bound) => this.#target(bound, kept)));
    const { shares } = this.#selector;
    if (shares.some(({ value }) => value !== null)) this.#lost.calls = 0;
    const [first, second] = shares;
    this.#only = second === undefined ? (first?.value ?? null) : null;
    for (const [id, cluster] of this.#clusters) {
      if (kept.has(id)) continue;
      this.#clusters.delete(id);
      cluster.close();
    }
  }

  #target(bound: Bound, kept: Set<Path>): Target<Req, Res> {
    this.stats.bound();
    kept.add(bound.id);
    let cluster = this.#clusters.get(bound.id);
    if (cluster === undefined) {
      cluster = this.#deps.openCluster(bound);
      this.#clusters.set(bound.id, cluster);
    } else {
      cluster.follow(bound);
    }
    return {
      logicalName: this.#logicalName,
      id: bound.id,
      residual: bound.residual,
      via: bound.via ?? null,
      note: null,
      cluster,
    };
  }

  #unbound(): Failure {
    this.#noteLost(this.#deps.clock.nowMs(), this.#lost.calls + 1);
    const dtabs = `Dtab.base=[${shortDtab(this.#deps.baseDtab)}], Dtab.local=[${shortDtab(this.#localDtab)}]`;
    const detail = `No hosts are available for ${this.#logicalName}, ${dtabs}`;
    const { trace, unboundAdvice } = this.#deps;
    const advice = unboundAdvice === null ? {} : { advice: unboundAdvice };
    return { kind: "unbound", retry: "never", detail, trace, ...advice };
  }

  #unresolved(why: Failure): Failure {
    this.#noteLost(this.#deps.clock.nowMs(), this.#lost.calls + 1);
    const detail = `${this.#logicalName} could not be resolved: ${why.detail}`;
    const trace = why.trace ?? this.#deps.trace;
    // A dtab that goes in circles does so for the next attempt, too; discovery may recover.
    if (why.kind === "unbound") return { kind: "unbound", retry: "never", detail, trace };
    const { advice } = why;
    return { kind: "unresolved", retry: "safe", detail, trace, ...(advice && { advice }) };
  }
}
