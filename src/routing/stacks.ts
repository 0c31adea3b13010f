// The whole way of a call on one page: every filter, in the order in which calls pass, with the reason for its place.
//
//   caller's connection (protocols)
//     |
//     |  1 serverStack        1.1 statistics  1.2 shed  1.3 admission  1.4 protocol: serverFilters
//     |                       1.5 caller's dtab  1.6 timeout
//     |
//   identify (router.ts): the call gets its logical name, which finds or makes its Destination
//     |
//     |  2 destinationStack   2.1 statistics  2.2 rate limit  2.3 deadline  2.4 protocol: serviceFilters
//     |                       2.5 retry
//     |
//   bind (destination.ts): each attempt of a retry takes a leaf of the bound tree, which finds its Cluster
//     |
//     |  3 clusterStack       3.1 statistics  3.2 rate limit  3.3 fail fast  3.4 concurrency
//     |                       3.5 requeue  3.6 nack admission  3.7 hedge
//     |
//   pick (cluster.ts, balancers): each attempt of a requeue or hedge chooses its Endpoint
//     |
//     |  4 endpointStack      4.0 pending, accrual, latency, silence, statistics (attempt.ts)
//     |                       4.1 attempt timeout  4.2 faults  4.3 protocol: wireFilters
//     |
//   wire to the endpoint (protocols)
//
// A response passes the same filters from the bottom to the top. Each stack is built once and shared by
// all its calls; what belongs to one destination or cluster is found by the call (`request.destination`,
// `request.clusterHandle`), since a thousand stacks would not fit into the processor's caches.
import type { Clock, Close, Random } from "../core/clock.ts";
import type { Failure } from "../core/failure.ts";
import type { CallerDtabRule } from "../core/names/caller-dtab.ts";
import type { Path } from "../core/names/path.ts";
import type { Verdict } from "../core/classifier.ts";
import { TokenBucket } from "../core/pacing/token-bucket.ts";
import type { TokenRate } from "../core/pacing/token-bucket.ts";
import type { ProtocolRouter } from "../core/protocol.ts";
import type { Request } from "../core/request.ts";
import { stack } from "../core/service.ts";
import type { Pending, Reply, Service } from "../core/service.ts";
import type { Stats } from "../core/stats.ts";
import type { ListenOptions } from "../core/transport.ts";
import type { ClusterHandle } from "./cluster-handle.ts";
import type { Destination } from "./destination.ts";
import { admissionFilter } from "./filters/admission.ts";
import { callerDtabFilter } from "./filters/caller-dtab.ts";
import { concurrencyFilter } from "./filters/concurrency.ts";
import { attemptTimeout, deadlineFilter, serverTimeout } from "./filters/deadline.ts";
import { failFastFilter } from "./filters/fail-fast.ts";
import type { FaultSwitches } from "./filters/fault-switches.ts";
import { faultFilter } from "./filters/faults.ts";
import { hedgeFilter } from "./filters/hedge.ts";
import { nackAdmissionFilter } from "./filters/nack-admission.ts";
import type { RateLimited } from "./filters/rate-limit.ts";
import { rateLimitFilter } from "./filters/rate-limit.ts";
import { requeueFilter } from "./filters/requeue.ts";
import type { RequeueOptions } from "./filters/requeue.ts";
import { retryFilter } from "./filters/retry.ts";
import { shedFilter } from "./filters/shed.ts";
import { statsFilter } from "./filters/stats.ts";
import type { ClientFilterOptions, ServiceOptions } from "./options.ts";
import { CallStats } from "./stats/call-stats.ts";

export interface ServerStackDeps<Req extends Request, Res> {
  readonly clock: Clock;
  /** `server/<host>/<port>`. */
  readonly stats: Stats;
  readonly options: ListenOptions;
  /** Which dtabs callers may send. */
  readonly callerDtab: CallerDtabRule;
  /** Says why a new call is refused; null: the process has no such limit. */
  readonly refusal: ((nowMs: number) => Failure | null) | null;
  readonly protocol: Pick<ProtocolRouter<Req, Res>, "serverClassifier" | "serverFilters">;
}

/** 1. What every call of a server passes before it has a name. */
export function serverStack<Req extends Request, Res>(
  { clock, stats, options, callerDtab, refusal, protocol }: ServerStackDeps<Req, Res>,
  route: Service<Req, Res>,
): Service<Req, Res> {
  const classifier = protocol.serverClassifier;
  const calls = { stats: new CallStats(stats, true), classifier, began() {}, ended() {} };
  return stack<Req, Res>(
    [
      // 1.1 Outermost: counts what callers see, refusals included.
      statsFilter({ clock, mark: null, ownerOf: () => calls }),
      // 1.2 Above everything that costs time, because time is what the process has too little of.
      when(refusal, (why) => shedFilter(why, clock)),
      // 1.3 Above the protocol's filters, because no work is done for a call that there is no room for.
      when(limit(options.maxConcurrentRequests), (most) => admissionFilter(most)),
      // 1.4 Above identifiers, which read what these take from the message: context, Via, deadlines.
      ...protocol.serverFilters(options),
      // 1.5 Below the protocol's filters, because these read the caller's dtab.
      callerDtabFilter(callerDtab, stats),
      // 1.6 Last, because it may only shorten the deadline of the caller, which is known by now.
      when(limit(options.timeoutMs), (limitMs) => serverTimeout(clock, limitMs)),
    ],
    route,
  );
}

export interface DestinationStackDeps<Req extends Request, Res> {
  readonly clock: Clock;
  readonly options: ServiceOptions<Req, Res>;
  readonly protocol: Pick<ProtocolRouter<Req, Res>, "mark" | "discard">;
}

/** 2. What a call of a logical name passes; shared by all destinations with the same options. */
export function destinationStack<Req extends Request, Res>({
  clock,
  options,
  protocol,
}: DestinationStackDeps<Req, Res>): Service<Req, Res> {
  const { classifier, rateLimit, retries, totalTimeoutMs } = options;
  const mark = (head: Res, verdict: Verdict) => protocol.mark(head, verdict);
  const discard = protocol.discard === undefined ? null : (head: Res) => protocol.discard?.(head);
  return stack<Req, Res>(
    [
      // 2.1 Outermost: counts what the caller sees, with all attempts folded into one call.
      statsFilter({ clock, mark, ownerOf: destinationOf }),
      // 2.2 Above everything else, because nothing is done for a call that is one too many.
      when(rateLimit, (rate) => rateLimitFilter(destinationLimit(rate), rate, clock)),
      // 2.3 Above retries and the wait for a binding, because one deadline holds for all of them.
      deadlineFilter(clock, totalTimeoutMs),
      // 2.4 Above retries, because these keep what a further attempt needs, such as a body.
      ...options.filters,
      // 2.5 Above the binding, because each attempt may take another branch, cluster and endpoint.
      retryFilter({ ...retries, clock, classifier, scopeOf: destinationOf, discard }),
    ],
    (request, reply) => destinationOf(request).bind(request, reply),
  );
}

export interface ClusterStackDeps<Req extends Request, Res> {
  readonly id: Path;
  readonly clock: Clock;
  readonly random: Random;
  /** `client/<id>`. */
  readonly stats: Stats;
  readonly options: ClientFilterOptions;
  readonly protocol: Pick<ProtocolRouter<Req, Res>, "copy" | "pushesBack">;
  readonly requeues: RequeueOptions;
  /** Whether an endpoint could take a call now. */
  isReady(): boolean;
  /** Fails the calls that wait for addresses. */
  refuseWaiting(why: Failure): void;
  /** What has to be closed with the cluster. */
  onClose(close: Close): void;
}

/** 3. What a call of a cluster passes; one for each cluster, since its filters remember. */
export function clusterStack<Req extends Request, Res>(
  deps: ClusterStackDeps<Req, Res>,
  pick: (request: Req, reply: Reply<Res>, handle: ClusterHandle<Req, Res>) => Pending,
): Service<Req, Res> {
  const { clock, options, protocol, requeues } = deps;
  const shared = {
    ...deps,
    what: `the client ${deps.id}`,
    pushesBack: (head: Res) => protocol.pushesBack?.(head) ?? false,
    copy: (request: Req) => protocol.copy?.(request) ?? null,
    mayRequeue: (nowMs: number) => requeues.budget.tryWithdraw(nowMs),
  };
  return stack<Req, Res>(
    [
      // 3.1 Outermost: counts what one destination sees of this cluster, requeues folded into one call.
      statsFilter({ clock, mark: null, ownerOf: handleOf }),
      // 3.2 First of the limits, because it is the cheapest refusal and takes no place in those below.
      when(options.rateLimit, (rate) => rateLimitFilter(ownLimit(rate, shared), rate, clock)),
      // 3.3 Above the waiting for addresses, because its calls must fail immediately.
      when(options.failFast || null, () => failFastFilter(shared)),
      // 3.4 Above requeues, because it limits and measures calls, not attempts.
      when(options.concurrency, (limiter) => concurrencyFilter(limiter, shared)),
      // 3.5 Above the choice of an endpoint, because each attempt chooses again.
      requeueFilter(requeues),
      // 3.6 Below requeues, because it counts the nack of each attempt.
      when(options.nackAdmission, (admission) => nackAdmissionFilter(admission, shared)),
      // 3.7 Below requeues, because the second request of a hedge must go to another endpoint.
      when(protocol.copy && options.hedge, (hedge) => hedgeFilter(hedge, shared)),
    ],
    (request, reply) => pick(request, reply, handleOf(request)),
  );
}

export interface EndpointStackDeps {
  readonly id: Path;
  readonly clock: Clock;
  readonly random: Random;
  /** `client/<id>`. */
  readonly stats: Stats;
  readonly attemptTimeoutMs: number;
  readonly options: Pick<ClientFilterOptions, "faults">;
  readonly faults: FaultSwitches;
  onClose(close: Close): void;
}

/** 4. What an attempt passes on its way to an endpoint; shared by the endpoints of a cluster. */
export function endpointStack<Req extends Request, Res>({
  id,
  clock,
  random,
  stats,
  attemptTimeoutMs,
  options,
  faults,
  onClose,
}: EndpointStackDeps): (wire: Service<Req, Res>) => Service<Req, Res> {
  const filters = [
    // 4.0 Not an entry, for speed: the pending count, the balancer's load, accrual, silence and the client's
    //     statistics are one object for each attempt, `Attempt` in attempt.ts. It stands here, above the
    //     rest, because a time-out or an injected fault counts against the endpoint.
    // 4.1 Above faults, because an injected delay is cut off like a real one.
    when(limit(attemptTimeoutMs), (limitMs) => attemptTimeout<Req, Res>(clock, limitMs)),
    // 4.2 Right above the wire: everything else takes these for the endpoint's own.
    when(options.faults, (setting) => {
      onClose(() => faults.close(id));
      return faultFilter<Req, Res>(faults.open(id, setting, stats), clock, random);
    }),
    // 4.3 Within the wire, because they depend on the address: the `wireFilters` of a protocol that has
    //     some, such as protocols/http/filters.ts.
  ];
  return (wire) => stack(filters, wire);
}

/** The filter of an option; null, which stacks leave out, when the configuration does not give it. */
function when<Option, Made>(option: Option | null | undefined, make: (option: Option) => Made) {
  return option === null || option === undefined ? null : make(option);
}

/** Infinity: no limit. */
function limit(value: number): number | null {
  return value === Infinity ? null : value;
}

/** The limit of the destination's service, which other destinations may share. */
function destinationLimit<Req extends Request>(rate: TokenRate): (request: Req) => RateLimited {
  return (request) => destinationOf(request).limited(rate);
}

function ownLimit(rate: TokenRate, { what }: { readonly what: string }): () => RateLimited {
  const limited = { rateLimit: new TokenBucket(rate), limitedName: what };
  return () => limited;
}

// The casts of this file: a Destination and a ClusterHandle alone write these fields.

function destinationOf<Req extends Request, Res>(request: Req): Destination<Req, Res> {
  return request.destination as Destination<Req, Res>;
}

function handleOf<Req extends Request, Res>(request: Req): ClusterHandle<Req, Res> {
  return request.clusterHandle as ClusterHandle<Req, Res>;
}
