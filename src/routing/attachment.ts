// A path's way into a cluster: what is the path's own while its calls pass the cluster's filters.
import type { Request } from "../core/request.ts";
import type { Classifier, Verdict } from "../core/classifier.ts";
import type { Pending, Reply } from "../core/service.ts";
import type { CallStats } from "./call-stats.ts";
import type { Cluster } from "./cluster.ts";
import type { Trace } from "./trace-limiter.ts";
import type { CallOwner } from "./filters/stats.ts";

/** What a cluster must know of a path that uses it. */
export interface ClusterUser<Req, Res> {
  /** The scope below `service`: the logical name without its first slash. */
  readonly scopeName: string;
  readonly classifier: Classifier<Req, Res>;
  /** How the path's name is resolved, for a call that finds no addresses. */
  readonly trace: Trace;
}

/** One path's way into a cluster. */
export class Attachment<Req extends Request, Res> implements CallOwner<Req, Res> {
  readonly cluster: Cluster<Req, Res>;
  readonly user: ClusterUser<Req, Res>;
  readonly classifier: Classifier<Req, Res>;
  /** What this path sees of the cluster. */
  readonly stats: CallStats;

  constructor(cluster: Cluster<Req, Res>, user: ClusterUser<Req, Res>, stats: CallStats) {
    this.cluster = cluster;
    this.user = user;
    this.classifier = user.classifier;
    this.stats = stats;
  }

  serve(request: Req, reply: Reply<Res>): Pending {
    request.clusterHandle = this;
    return this.cluster.service(request, reply);
  }

  began(): void {
    this.cluster.began();
  }

  ended(verdict: Verdict, nowMs: number): void {
    this.cluster.ended(verdict, nowMs);
  }

  detach(): void {
    this.cluster.detach(this.user);
  }
}
