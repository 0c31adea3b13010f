// One bound id: its addresses, watched; its endpoints, balanced. Shared by all paths bound to it.
import type { Clock, Close, Random } from "../core/clock.ts";
import { failure } from "../core/failure.ts";
import type { Live, State } from "../core/live.ts";
import type { Log } from "../core/log.ts";
import type { AddressSet } from "../core/naming.ts";
import type { Path } from "../core/names/path.ts";
import { showAddress } from "../core/address.ts";
import type { Address } from "../core/address.ts";
import type { Request } from "../core/request.ts";
import type { ProtocolRouter } from "../core/protocol.ts";
import type { Verdict } from "../core/classifier.ts";
import type { Pending, Reply, Service } from "../core/service.ts";
import { ended, stack } from "../core/service.ts";
import type { Stats } from "../core/stats.ts";
import { Attachment } from "./attachment.ts";
import type { ClusterUser } from "./attachment.ts";
import type { AccrualEvents, AccrualKind } from "./accrual.ts";
import { Accrual } from "./accrual.ts";
import { Balancer } from "./balancers/balancer.ts";
import type { Node, Status } from "./balancers/balancer.ts";
import { RetryBudget } from "./budget.ts";
import { CallStats } from "./call-stats.ts";
import type { ClusterStats } from "./cluster-stats.ts";
import { clusterStats } from "./cluster-stats.ts";
import type { EndpointDeps } from "./endpoint.ts";
import { Endpoint } from "./endpoint.ts";
import { attemptTimeout } from "./filters/deadline.ts";
import { requeueFilter } from "./filters/requeue.ts";
import { statsFilter } from "./filters/stats.ts";
import type { FaultSwitches } from "./filters/fault-switches.ts";
import type { Guards } from "./guards.ts";
import { openGuards } from "./guards.ts";
import type { Cached } from "./idle-cache.ts";
import { EndpointSet } from "./endpoint-set.ts";
import type { ClientOptions } from "./options.ts";
import { SharedScopes } from "./shared-scopes.ts";
import { WaitingRoom } from "./waiting-room.ts";

/** However many endpoints there are, one call is not sent more often. */
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
    "dial" | "responseCounter" | "pushesBack" | "copy"
  >;
  readonly bindingTimeoutMs: number;
  readonly faults: FaultSwitches;
  /** Says that a call has ended: the cache counts it as a use. */
  touched(cluster: Cluster<Req, Res>): void;
  /** Once, when it has closed. */
  closed(): void;
}

interface EndpointView {
  readonly address: string;
  readonly weight: number;
  readonly status: Status;
  readonly pending: number;
}

export interface ClusterView {
  readonly id: Path;
  /** `pending`: discovery has not answered; `failed`: it answered with an error. */
  readonly state: "pending" | "bound" | "failed";
  readonly detail: string;
  readonly pending: number;
  readonly endpoints: readonly EndpointView[];
}

export class Cluster<Req extends Request, Res> implements Cached {
  readonly id: Path;
  /** For calls that come by an attachment. */
  readonly service: Service<Req, Res>;
  readonly #deps: ClusterDeps<Req, Res>;
  readonly #isOneShot: boolean;
  readonly #stats: ClusterStats;
  readonly #users: SharedScopes<CallStats>;
  readonly #balancer: Balancer<Endpoint<Req, Res>>;
  readonly #members: EndpointSet<Req, Res>;
  readonly #waiting: WaitingRoom<Req, Res>;
  readonly #requeueBudget: RetryBudget;
  readonly #guards: Guards<Req, Res>;
  #addresses: Live<AddressSet>;
  #unwatch: Close;
  /** The first good set came: from here on only good ones change anything. */
  #isReady = false;
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
    this.#stats = clusterStats(stats, options.balancing.kind, this.#numbers());
    this.#users = new SharedScopes(stats.scope("service"), (scope) => new CallStats(scope));
    this.#balancer = new Balancer(options.balancing, random, this.#stats.balancer);
    this.#guards = this.#openGuards();
    this.service = this.#stack();
    this.#members = this.#makeMembers();
    this.#waiting = new WaitingRoom({
      clock,
      timeoutMs: deps.bindingTimeoutMs,
      what: `looking up the addresses of ${id}`,
    });
    this.#addresses = addresses;
    this.#unwatch = addresses.watch((state) => this.#onAddresses(state));
    this.#onAddresses(addresses.state);
  }

  /** A namer may answer with a new Live for a known id: the newest is the one kept up to date. */
  follow(addresses: Live<AddressSet>): void {
    if (addresses === this.#addresses || this.isClosed) return;
    const before = this.#unwatch;
    this.#addresses = addresses;
    this.#unwatch = addresses.watch((state) => this.#onAddresses(state));
    this.#onAddresses(addresses.state);
    before(); // after the new watch: what both share is not stopped and started again
  }

  /** A path uses it from now on. */
  attach(user: ClusterUser<Req, Res>): Attachment<Req, Res> {
    return new Attachment(this, user, this.#users.take(user.scopeName));
  }

  detach({ scopeName }: ClusterUser<Req, Res>): void {
    this.#users.release(scopeName);
  }

  /** Outermost first; shared by all paths. */
  #stack(): Service<Req, Res> {
    const { clock } = this.#deps;
    // The cast of this file: an attachment alone writes the field.
    const attachmentOf = (request: Req) => request.clusterHandle as Attachment<Req, Res>;
    return stack<Req, Res>(
      [
        // What a path sees of this cluster: above requeues, which are folded into one call.
        statsFilter({ clock, mark: null, ownerOf: attachmentOf }),
        ...this.#guards.aroundCalls,
        // Above the choice of an endpoint: each try chooses again.
        requeueFilter({
          stats: this.#stats.requeues,
          clock,
          budget: this.#requeueBudget,
          isOpen: () => this.#members.hasOpen,
          maxAttempts: () => Math.min(this.#members.size + 1, maxAttemptsPerCall),
        }),
        ...this.#guards.aroundTries,
      ],
      // Each try: accrual, the client's statistics and the timeout of a try are in the endpoint.
      (request, reply) => this.#send(request, reply, attachmentOf(request).user),
    );
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
    this.#members.close(graceMs);
    this.#guards.close();
    this.#deps.stats.prune();
    this.#deps.closed();
  }

  view(): ClusterView {
    const { state } = this.#addresses;
    const endpoints = this.#members.endpoints().map((endpoint) => ({
      address: showAddress(endpoint.address),
      weight: endpoint.address.weight,
      status: endpoint.status,
      pending: endpoint.pending,
    }));
    return {
      id: this.id,
      state: this.#isReady ? "bound" : state.kind === "failed" ? "failed" : "pending",
      detail: state.kind === "failed" ? state.why.detail : "",
      pending: this.pending,
      endpoints,
    };
  }

  #send(request: Req, reply: Reply<Res>, user: ClusterUser<Req, Res>): Pending {
    if (!this.#isReady) return this.#wait(request, reply, user);
    const nowMs = this.#deps.clock.nowMs();
    const node = this.#pick(request.endpoint, nowMs);
    if (node !== null) return node.endpoint.send(request, reply, user.classifier, nowMs);
    const detail = `no addresses for ${this.id}, to which ${request.logicalName} is bound`;
    reply.end({ kind: "unbound", retry: "never", detail, trace: user.trace() });
    return ended;
  }

  #wait(request: Req, reply: Reply<Res>, user: ClusterUser<Req, Res>): Pending {
    const { state } = this.#addresses;
    if (state.kind !== "failed") {
      return this.#waiting.wait(request, reply, (r, to) => this.#send(r, to, user));
    }
    reply.end(failure("unresolved", this.#lookupFailed(state.why.detail), "safe"));
    return ended;
  }

  /** `failed` is the endpoint of a try before, if there was one: another is taken if one is open. */
  #pick(failed: Address | null, nowMs: number): Node<Endpoint<Req, Res>> | null {
    const node = this.#balancer.pick(nowMs);
    if (failed === null || node === null || !isAt(node.endpoint, failed)) return node;
    for (let effort = 0; effort < this.#deps.options.balancing.maxEffort; effort++) {
      const other = this.#balancer.pick(nowMs);
      if (other !== null && other.endpoint.status === "open" && !isAt(other.endpoint, failed)) {
        return other;
      }
    }
    const others = this.#members
      .endpoints()
      .filter((endpoint) => endpoint.status === "open" && !isAt(endpoint, failed));
    return others[Math.floor(this.#deps.random() * others.length)]?.node ?? node;
  }

  #onAddresses(state: State<AddressSet>): void {
    switch (state.kind) {
      case "pending":
        return; // before the first set calls wait; after it the last good one is kept
      case "failed":
        if (this.#isReady)
          return this.#logChange("lookup failed, addresses kept", state.why.detail);
        this.#waiting.refuse(failure("unresolved", this.#lookupFailed(state.why.detail), "safe"));
        return;
      case "ok":
        this.#members.update(state.value, this.#deps.clock.nowMs());
        this.#logChange("addresses", state.value === "neg" ? "no such name any more" : "");
        this.#isReady = true;
        this.#waiting.admit();
        return;
      default:
        state satisfies never;
    }
  }

  #lookupFailed(detail: string): string {
    return `the addresses of ${this.id} could not be looked up: ${detail}`;
  }

  #logChange(event: string, detail: string): void {
    this.#deps.log.debug({ event, client: this.id, count: this.#members.size, detail });
  }

  #openGuards(): Guards<Req, Res> {
    return openGuards(this.#deps.options.filters, {
      ...this.#deps,
      id: this.id,
      isReady: () => this.#isReady && this.#members.hasOpen,
      refuseWaiting: (why) => this.#waiting.refuse(why),
      mayRequeue: (nowMs) => this.#requeueBudget.tryWithdraw(nowMs),
    });
  }

  #makeMembers(): EndpointSet<Req, Res> {
    const { clock, options, protocol, stats } = this.#deps;
    const { attemptTimeoutMs, dial, balancing, accrual } = options;
    const endpointDeps: EndpointDeps<Req, Res> = {
      clock,
      stats: this.#stats.attempts,
      countResponse: protocol.responseCounter(stats),
      filters: [
        ...(attemptTimeoutMs === Infinity
          ? []
          : [attemptTimeout<Req, Res>(clock, attemptTimeoutMs)]),
        // As the endpoint's own: what stands above takes them for what they imitate.
        ...this.#guards.atWires,
      ],
      pushesBack: (response) => protocol.pushesBack?.(response) ?? false,
      dial: (address) => protocol.dial(address, dial, this.#stats.wire),
    };
    return new EndpointSet({
      balancer: this.#balancer,
      enableProbation: balancing.enableProbation,
      counters: this.#stats.balancer,
      make: (address) => {
        const health = accrual === null ? null : this.#health(accrual, address);
        return new Endpoint(address, health, endpointDeps);
      },
    });
  }

  #health({ policy, maxEjectedPercent }: AccrualKind, address: Address): Accrual {
    const { log, clock } = this.#deps;
    const client = this.id;
    const endpoint = showAddress(address);
    const events: AccrualEvents = {
      counters: this.#stats.accrual,
      mayEject: () => this.#members.mayEject(maxEjectedPercent),
      ejected: (forMs) =>
        log.info({ event: "endpoint dead", client, endpoint, forMs: Math.round(forMs) }),
      revived: () => {
        this.#members.revived(endpoint, clock.nowMs());
        log.info({ event: "endpoint revived", client, endpoint });
      },
    };
    return new Accrual(policy(clock.nowMs()), events);
  }

  #numbers() {
    const members = () => this.#members;
    const cluster = {
      pending: () => this.pending,
      requeues: () => this.#requeueBudget.balance(this.#deps.clock.nowMs()),
    };
    return {
      get size() {
        return members().size;
      },
      get pending() {
        return cluster.pending();
      },
      get requeueBudget() {
        return cluster.requeues();
      },
      get meanWeight() {
        const all = members().endpoints();
        return all.length === 0
          ? 0
          : all.reduce((sum, { address }) => sum + address.weight, 0) / all.length;
      },
      count: (status: Status) => members().count(status),
    };
  }
}

function isAt({ address }: { readonly address: Address }, other: Address): boolean {
  return address.port === other.port && address.host === other.host;
}
