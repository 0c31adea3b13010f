// A path's hold on a cluster: finds it again when the cache has let it go in between.
import type { Bound } from "../core/naming.ts";
import type { Pending, Reply } from "../core/service.ts";
import type { Request } from "../core/request.ts";
import type { Attachment, ClusterUser } from "./attachment.ts";
import type { Cluster } from "./cluster.ts";

export type LeaseMaker<Req extends Request, Res> = (bound: Bound) => Lease<Req, Res>;

/**
 * Does not keep the cluster alive: an idle one may be evicted while paths are bound to it. `find`
 * gives the cluster of a bound name, made if need be.
 */
export class Lease<Req extends Request, Res> {
  readonly #find: (bound: Bound) => Cluster<Req, Res>;
  readonly #user: ClusterUser<Req, Res>;
  #bound: Bound;
  #cluster: Cluster<Req, Res> | null = null;
  #attachment: Attachment<Req, Res> | null = null;

  constructor(
    bound: Bound,
    user: ClusterUser<Req, Res>,
    find: (bound: Bound) => Cluster<Req, Res>,
  ) {
    this.#bound = bound;
    this.#user = user;
    this.#find = find;
  }

  /** The same id was bound anew. */
  follow(bound: Bound): void {
    this.#bound = bound;
    this.#cluster?.follow(bound.addresses);
  }

  release(): void {
    this.#attachment?.detach();
    this.#attachment = null;
    this.#cluster = null;
  }

  send(request: Req, reply: Reply<Res>): Pending {
    const attachment = this.#attachment;
    const isHeld = attachment !== null && !attachment.cluster.isClosed;
    return (isHeld ? attachment : this.#attach()).serve(request, reply);
  }

  #attach(): Attachment<Req, Res> {
    const cluster = this.#find(this.#bound);
    const attachment = cluster.attach(this.#user);
    this.#cluster = cluster;
    this.#attachment = attachment;
    return attachment;
  }
}
