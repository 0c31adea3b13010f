// One bound id: its addresses, watched; its endpoints, balanced. Shared by all paths bound to it.
import type { Clock, Close, Random } from "../core/clock.ts";
import { failure } from "../core/failure.ts";
import type { Failure } from "../core/failure.ts";
import type { Live, State } from "../core/live.ts";
import type { Log } from "../core/log.ts";
import type { AddressSet } from "../core/naming.ts";
import type { Path } from "../core/names/path.ts";
import type { Request } from "../core/request.ts";
import type { ProtocolRouter } from "../core/protocol.ts";
import type { Classifier, Verdict } from "../core/classifier.ts";
import type { Pending, Reply, Service } from "../core/service.ts";
import { ended } from "../core/service.ts";
import type { Stats } from "../core/stats.ts";
import { Balancer } from "./balancers/balancer.ts";
import type { Node } from "./balancers/balancer.ts";
import { RetryBudget } from "./budget.ts";
import { CallStats } from "./stats/call-stats.ts";
import type { ClusterStats } from "./stats/cluster-stats.ts";
import { clusterStats } from "./stats/cluster-stats.ts";
import type { Endpoint } from "./endpoint.ts";
import { endpointMaker } from "./endpoint-maker.ts";
import type { FaultSwitches } from "./filters/fault-switches.ts";
import type { Cached } from "./idle-cache.ts";
import { EndpointSet } from "./endpoint-set.ts";
import type { ClientOptions } from "./options.ts";
import { SilenceWatch } from "./silence.ts";
import { clusterStack } from "./stacks.ts";
import type { ClusterView } from "./cluster-view.ts";
import type { Trace } from "./trace-limiter.ts";
import type { ServiceScope } from "./stats/service-scope.ts";
import { SharedScopes } from "./stats/shared-scopes.ts";
import { WaitingRoom } from "./waiting-room.ts";

/** One call is not sent more often, however many endpoints there are. */
const maxAttemptsPerCall = 25;

export interface ClusterDeps<Req extends Request, Res> {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** `client/<id>`: the cluster's own, pruned when it closes. */
  readonly stats: Stats;
  readonly options: ClientOptions;
  readonly protocol: Pick<
    ProtocolRouter<Req, Res>,
    "dial" | "responseCounter" | "pushesBack" | "statusOf" | "copy"
  >;
  readonly bindingTimeoutMs: number;
  readonly faults: FaultSwitches;
  /** Says that a call has ended: the cache counts it as a use. */
  touched(cluster: Cluster<Req, Res>): void;
  /** Once, when it has closed. */
  closed(): void;
}

/** What a cluster must know of a destination that uses it. */
export interface ClusterUser<Req, Res> {
  /** Gives the name of the scope below `service` in which its calls are counted. */
  readonly scope: Pick<ServiceScope, "bound">;
  readonly classifier: Classifier<Req, Res>;
  /** How the destination's name is resolved, for a call that finds no addresses. */
  readonly trace: Trace;
}

export class Cluster<Req extends Request, Res> implements Cached {
  readonly id: Path;
  /** For calls that come through a ClusterHandle. */
  readonly service: Service<Req, Res>;
  readonly #deps: ClusterDeps<Req, Res>;
  readonly #isOneShot: boolean;
  readonly #stats: ClusterStats;
  readonly #users: SharedScopes<CallStats>;
  readonly #balancer: Balancer<Endpoint<Req, Res>>;
  readonly #endpoints: EndpointSet<Req, Res>;
  readonly #waiting: WaitingRoom<Req, Res>;
  readonly #requeueBudget: RetryBudget;
  readonly #silence: SilenceWatch | null;
  /** Of its filters. */
  readonly #closers: Close[] = [];
  #addresses: Live<AddressSet>;
  #unwatch: Close;
  /** The first good set came: from here on only good ones change anything. */
  #isReady = false;
  /** When discovery last said something; null: not yet. */
  #toldMs: number | null = null;
  isClosed = false;
  pending = 0;
  lastUse = 0;

  constructor(
    id: Path,
    addresses: Live<AddressSet>,
    isOneShot: boolean,
    deps: ClusterDeps<Req, Res>,
  ) {
    const { clock, random, options, stats } = deps;
    this.id = id;
    this.#deps = deps;
    this.#isOneShot = isOneShot;
    this.#requeueBudget = new RetryBudget(options.requeueBudget, clock.nowMs());
    this.#stats = clusterStats(stats, options.balancing.kind, {
      pending: () => this.pending,
      requeueBudget: () => this.#requeueBudget.balance(clock.nowMs()),
      endpoints: () => this.#endpoints,
    });
    this.#users = new SharedScopes(stats.scope("service"), (scope) => new CallStats(scope));
    this.#balancer = new Balancer(options.balancing, random, this.#stats.balancer);
    this.service = this.#clusterStack();
    this.#silence = options.accrual === null ? null : this.#makeSilenceWatch();
    this.#endpoints = this.#makeEndpoints();
    this.#waiting = new WaitingRoom({
      clock,
      timeoutMs: deps.bindingTimeoutMs,
      what: `looking up the addresses of ${id}`,
    });
    this.#addresses = addresses;
    this.#unwatch = addresses.watch((state) => this.#onAddresses(state));
    this.#onAddresses(addresses.state);
  }

  /** A namer may return a new Live for a known id: the newest is the one kept up to date. */
  follow(addresses: Live<AddressSet>): void {
    if (addresses === this.#addresses || this.isClosed) return;
    const before = this.#unwatch;
    this.#addresses = addresses;
    this.#unwatch = addresses.watch((state) => this.#onAddresses(state));
    this.#onAddresses(addresses.state);
    before(); // after the new watch: what both share is not stopped and started again
  }

  /** A destination uses it from now on; these are the statistics of its calls. */
  take({ scope }: ClusterUser<Req, Res>): CallStats {
    return this.#users.take(scope.bound());
  }

  /** For each `take`. */
  release({ scope }: ClusterUser<Req, Res>): void {
    this.#users.release(scope.bound());
  }

  began(): void {
    this.pending++;
  }

  ended(verdict: Verdict, nowMs: number): void {
    this.pending--;
    if (verdict === "success") this.#requeueBudget.deposit(nowMs);
    this.#deps.touched(this);
    if (this.#isOneShot && this.pending === 0) this.close();
  }

  close(graceMs = 0): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#unwatch();
    this.#waiting.refuse(failure("exhausted", `the client ${this.id} was closed`, "safe"));
    this.#endpoints.close(graceMs);
    for (const close of this.#closers) close();
    this.#deps.stats.prune();
    this.#deps.closed();
  }

  /** Whether its view has something that people should know. */
  get isTroubled(): boolean {
    if (!this.#isReady) return this.#addresses.state.kind === "failed";
    return this.#endpoints.size === 0 || this.#endpoints.hasOut;
  }

  get size(): number {
    return this.#endpoints.size;
  }

  view(): ClusterView {
    const { state } = this.#addresses;
    const nowMs = this.#deps.clock.nowMs();
    const problem = state.kind === "failed" ? state.why.detail : null;
    return {
      id: this.id,
      state: this.#isReady ? "bound" : state.kind === "failed" ? "failed" : "pending",
      detail: problem ?? "",
      pending: this.pending,
      source: { ageMs: this.#toldMs === null ? null : nowMs - this.#toldMs, problem },
      endpoints: this.#endpoints.view(nowMs),
    };
  }

  #send(request: Req, reply: Reply<Res>, user: ClusterUser<Req, Res>): Pending {
    if (!this.#isReady) return this.#wait(request, reply, user);
    const nowMs = this.#deps.clock.nowMs();
    const node = this.#pick(request, nowMs);
    if (node !== null) return node.endpoint.send(request, reply, user.classifier, nowMs);
    const detail = `no addresses for ${this.id}, to which ${request.logicalName} is bound`;
    reply.end({ kind: "unbound", retry: "never", detail, trace: user.trace });
    return ended;
  }

  #wait(request: Req, reply: Reply<Res>, user: ClusterUser<Req, Res>): Pending {
    const { state } = this.#addresses;
    if (state.kind !== "failed") {
      return this.#waiting.wait(request, reply, (r, to) => this.#send(r, to, user));
    }
    reply.end(this.#lookupFailed(state.why));
    return ended;
  }

  #pick(request: Req, nowMs: number): Node<Endpoint<Req, Res>> | null {
    const failed = request.endpoint;
    if (failed !== null) return this.#endpoints.pickAnother(failed, nowMs);
    if (this.#silence !== null && this.#silence.suspect !== null) {
      const suspect = this.#silence.toProbe(request.idempotent && request.replayable, nowMs);
      const probed = suspect === null ? null : this.#endpoints.nodeOf(suspect);
      if (probed !== null) return probed;
    }
    return this.#balancer.pick(nowMs);
  }

  #onAddresses(state: State<AddressSet>): void {
    switch (state.kind) {
      case "pending":
        return; // before the first set calls wait; after it the last good one is kept
      case "failed":
        if (this.#isReady)
          return this.#logChange("lookup failed, addresses kept", state.why.detail);
        this.#waiting.refuse(this.#lookupFailed(state.why));
        return;
      case "ok":
        this.#toldMs = this.#deps.clock.nowMs();
        this.#endpoints.update(state.value, this.#toldMs);
        this.#logChange("addresses", state.value === "neg" ? "no such name any more" : "");
        this.#isReady = true;
        this.#waiting.admit();
        return;
      default:
        state satisfies never;
    }
  }

  /** Discovery may recover; what no name may lead to stays so for the next attempt, too. */
  #lookupFailed({ kind, detail }: Failure): Failure {
    const text = `the addresses of ${this.id} could not be looked up: ${detail}`;
    return kind === "unbound" ? failure("unbound", text) : failure("unresolved", text, "safe");
  }

  #logChange(event: string, detail: string): void {
    this.#deps.log.debug({ event, client: this.id, count: this.#endpoints.size, detail });
  }

  #clusterStack(): Service<Req, Res> {
    const { options, clock } = this.#deps;
    return clusterStack<Req, Res>(
      {
        ...this.#deps,
        id: this.id,
        options: options.filters,
        requeues: {
          stats: this.#stats.requeues,
          clock,
          budget: this.#requeueBudget,
          // Without an open one, one that was ejected may be back before its probe.
          isOpen: () => this.#endpoints.size > 1 || this.#endpoints.hasOpen,
          maxAttempts: () => Math.min(this.#endpoints.size + 1, maxAttemptsPerCall),
        },
        isReady: () => this.#isReady && this.#endpoints.hasOpen,
        refuseWaiting: (why) => this.#waiting.refuse(why),
        onClose: (close) => this.#closers.push(close),
      },
      (request, reply, { user }) => this.#send(request, reply, user),
    );
  }

  #makeSilenceWatch(): SilenceWatch {
    const { clock } = this.#deps;
    const watch = new SilenceWatch({
      clock,
      silent: this.#stats.accrual.silent,
      moved: this.#stats.accrual.moved,
      endpoints: () => this.#endpoints.all(),
      mayMove: (nowMs) => this.#requeueBudget.balance(nowMs),
    });
    this.#closers.push(() => watch.close());
    return watch;
  }

  #makeEndpoints(): EndpointSet<Req, Res> {
    const { enableProbation, maxEffort } = this.#deps.options.balancing;
    return new EndpointSet({
      balancer: this.#balancer,
      enableProbation,
      maxEffort,
      random: this.#deps.random,
      counters: this.#stats.balancer,
      make: endpointMaker({
        ...this.#deps,
        id: this.id,
        clusterStats: this.#stats,
        silence: this.#silence,
        endpoints: () => this.#endpoints,
        onClose: (close) => this.#closers.push(close),
      }),
    });
  }
}
