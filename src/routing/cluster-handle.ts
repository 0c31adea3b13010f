// A destination's hold on one cluster, and what is the destination's own while its calls pass the cluster's filters.
import { failure } from "../core/failure.ts";
import type { Classifier, Verdict } from "../core/classifier.ts";
import type { Bound } from "../core/naming.ts";
import type { Request } from "../core/request.ts";
import type { Pending, Reply } from "../core/service.ts";
import { ended } from "../core/service.ts";
import type { Cluster, ClusterUser } from "./cluster.ts";
import type { CallOwner } from "./filters/stats.ts";
import type { CallStats } from "./stats/call-stats.ts";

export type OpenClusterHandle<Req extends Request, Res> = (bound: Bound) => ClusterHandle<Req, Res>;

/**
 * Does not keep the cluster alive: an idle one may be evicted while destinations are bound to it, and
 * the next call finds or makes another by `find`. A cluster that has calls is only closed with its
 * router, after the handles: the calls of a handle never belong to two clusters.
 */
export class ClusterHandle<Req extends Request, Res> implements CallOwner<Req, Res> {
  readonly user: ClusterUser<Req, Res>;
  readonly classifier: Classifier<Req, Res>;
  readonly #find: (bound: Bound) => Cluster<Req, Res>;
  #bound: Bound;
  /** null until the first call. */
  #cluster: Cluster<Req, Res> | null = null;
  #stats: CallStats | null = null;
  #isClosed = false;

  constructor(
    bound: Bound,
    user: ClusterUser<Req, Res>,
    find: (bound: Bound) => Cluster<Req, Res>,
  ) {
    this.#bound = bound;
    this.user = user;
    this.classifier = user.classifier;
    this.#find = find;
  }

  /** What this destination sees of the cluster. Only asked for by calls, which have opened it. */
  get stats(): CallStats {
    if (this.#stats === null) throw new Error("bug: a call before its cluster was opened");
    return this.#stats;
  }

  /** The same id was bound again, perhaps with another source of its addresses. */
  follow(bound: Bound): void {
    this.#bound = bound;
    this.#cluster?.follow(bound.addresses);
  }

  send(request: Req, reply: Reply<Res>): Pending {
    const cluster = this.#cluster;
    request.clusterHandle = this;
    if (cluster !== null && !cluster.isClosed) return cluster.service(request, reply);
    if (!this.#isClosed) return this.#open().service(request, reply);
    reply.end(failure("exhausted", `the client ${this.#bound.id} was closed`, "safe"));
    return ended;
  }

  began(): void {
    this.#cluster?.began();
  }

  ended(verdict: Verdict, nowMs: number): void {
    this.#cluster?.ended(verdict, nowMs);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cluster?.release(this.user);
  }

  #open(): Cluster<Req, Res> {
    const cluster = this.#find(this.#bound);
    this.#stats = cluster.take(this.user);
    this.#cluster = cluster;
    return cluster;
  }
}
