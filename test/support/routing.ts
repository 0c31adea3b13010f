// A router around wires that live in memory: names, addresses and responses are the test's to set.
import type { Clock, Random } from "../../src/core/clock.ts";
import { emptyDtab } from "../../src/core/names/dtab.ts";
import type { Dtab } from "../../src/core/names/dtab.ts";
import type { Failure } from "../../src/core/failure.ts";
import { failure } from "../../src/core/failure.ts";
import type { Cell } from "../../src/core/live.ts";
import { cell, constant, ok, pending } from "../../src/core/live.ts";
import type { LogEvent } from "../../src/core/log.ts";
import type { AddressSet, Bound, Interpreter } from "../../src/core/naming.ts";
import type { NameTree } from "../../src/core/names/nametree.ts";
import { leaf } from "../../src/core/names/nametree.ts";
import type { Path } from "../../src/core/names/path.ts";
import { pathLiteral } from "../../src/core/names/path.ts";
import type { Address } from "../../src/core/address.ts";
import type { Request } from "../../src/core/request.ts";
import type { Classifier } from "../../src/core/classifier.ts";
import type { DialOptions, Wire } from "../../src/core/transport.ts";
import type { Pending, Reply, Service } from "../../src/core/service.ts";
import { ended } from "../../src/core/service.ts";
import type { AccrualMaker, AccrualPlugin } from "../../src/routing/accrual.ts";
import { consecutiveFailures } from "../../src/routing/accruals/consecutive-failures.ts";
import type { BalancerPlugin } from "../../src/routing/balancers/balancer.ts";
import { p2c } from "../../src/routing/balancers/p2c.ts";
import { noClientFilters } from "../../src/routing/options.ts";
import type { ClientOptions, ServiceOptions } from "../../src/routing/options.ts";
import { createRouter } from "../../src/routing/router.ts";
import type { Router, RouterDeps } from "../../src/routing/router.ts";
import type { Metrics } from "../../src/telemetry/metrics.ts";
import { openMetrics } from "../../src/telemetry/metrics.ts";
import * as v from "valibot";
import { simulatedClock } from "./clock.ts";
import type { SimulatedClock } from "./clock.ts";
import { seeded } from "./random.ts";

export interface TestCall extends Request {
  /** What the identifier makes of it: a path, or anything else for none. */
  readonly name: string;
}
export type TestResponse = number;

export function testCall(name = "/svc/users", fields: Partial<TestCall> = {}): TestCall {
  return {
    name,
    deadlineMs: Infinity,
    localDtab: emptyDtab,
    replayable: true,
    idempotent: true,
    logicalName: null,
    bound: null,
    endpoint: null,
    destination: null,
    clusterHandle: null,
    ...fields,
  };
}

export function address(port: number, weight = 1): Address {
  return { host: "10.0.0.1", port, weight };
}

export function addresses(count: number, weight = 1): Address[] {
  return Array.from({ length: count }, (_, i) => address(i + 1, weight));
}

/** A call that a wire holds until the test answers it. */
export interface HeldCall {
  readonly request: TestCall;
  readonly reply: Reply<TestResponse>;
  readonly cancelledWith: Failure | null;
  respond(status?: TestResponse): void;
  fail(why: Failure): void;
}

/** Responds immediately with a status. */
export function responds(status: TestResponse): Service<TestCall, TestResponse> {
  return (_, reply) => {
    reply.start(status);
    reply.end(null);
    return ended;
  };
}

/** Fails immediately. */
export function fails(why: Failure): Service<TestCall, TestResponse> {
  return (_, reply) => {
    reply.end(why);
    return ended;
  };
}

export const refused = failure("connect", "connection refused", "safe");

/** Keeps calls until the test responds to them; a cancelled one ends immediately. */
export function holding(held: HeldCall[] = []): Service<TestCall, TestResponse> {
  return (request, reply): Pending => {
    let isOver = false;
    const call = {
      request,
      reply,
      cancelledWith: null as Failure | null,
      respond: (status: TestResponse = 200) => {
        isOver = true;
        reply.start(status);
        reply.end(null);
      },
      fail: (why: Failure) => {
        isOver = true;
        reply.end(why);
      },
    };
    held.push(call);
    return {
      cancel: (why) => {
        if (isOver) return;
        call.cancelledWith = why;
        call.fail(why);
      },
    };
  };
}

/** A status from 500 is a failure, and so is no response. */
export const classifier: Classifier<TestCall, TestResponse> = (_, response, why) =>
  why !== null || response === null || response >= 500 ? "failure" : "success";

interface TestWire extends Wire<TestCall, TestResponse> {
  readonly address: Address;
  readonly closes: readonly number[];
}

export interface TestRouter extends Router<TestCall, TestResponse> {
  readonly clock: SimulatedClock;
  readonly metrics: Metrics;
  readonly events: LogEvent[];
  /** Every wire that was dialled, in order. */
  readonly wires: TestWire[];
  /** The binding of a name; made pending when first asked for. */
  binding(path: string): Cell<NameTree<Bound>>;
  /** Binds a name to one id with these addresses. */
  bind(path: string, id: string, set: Cell<AddressSet> | AddressSet): void;
  counter(...name: readonly string[]): number;
  gauge(...name: readonly string[]): number | undefined;
}

export interface TestRouterOptions {
  readonly seed?: number;
  readonly balancer?: BalancerPlugin;
  readonly balancerConfig?: Readonly<Record<string, unknown>>;
  readonly service?: Partial<ServiceOptions<TestCall, TestResponse>>;
  readonly client?: Partial<ClientOptions>;
  readonly router?: Partial<RouterDeps<TestCall, TestResponse>>;
  /** How the endpoint at an address answers. */
  serve?(address: Address): Service<TestCall, TestResponse>;
  /** Called with a response whose call is sent again. */
  discard?(response: TestResponse): void;
  /** After a wire was closed: the calls that it still had must end. */
  closed?(): void;
}

export function testRouter(options: TestRouterOptions = {}): TestRouter {
  const clock = simulatedClock();
  const metrics = openMetrics(clock);
  const random = seeded(options.seed ?? 1);
  const events: LogEvent[] = [];
  const bindings = new Map<string, Cell<NameTree<Bound>>>();
  const wires: TestWire[] = [];
  const serve = options.serve ?? (() => responds(200));
  const binding = (path: string) => {
    const found = bindings.get(path) ?? cell<NameTree<Bound>>();
    bindings.set(path, found);
    return found;
  };
  const record = (event: LogEvent) => void events.push(event);
  const router = createRouter<TestCall, TestResponse>({
    clock,
    random,
    log: { debug: record, info: record, warn: record, error: record },
    stats: metrics.stats,
    identify: ({ name }) =>
      name.startsWith("/") ? pathLiteral(name) : { unidentified: `no name: ${name}` },
    interpreter: interpreterOf(binding),
    dtab: emptyDtab,
    bindingTimeoutMs: 10_000,
    bindingCache: { paths: 1_000, trees: 1_000, bounds: 1_000, clients: 1_000, idleTtlSecs: 600 },
    maxServiceNames: 1_000,
    protocol: {
      dial: (at) => dial(at, serve(at), wires, options.closed),
      responseCounter: (stats) => (response) => {
        if (response !== null) stats.counter("status", String(response)).value++;
      },
      statusOf: (response) => String(response),
      mark: () => {},
      discard: (response) => options.discard?.(response),
      copy: (request) => ({ ...request }),
    },
    serviceOptions: () => ({
      classifier,
      totalTimeoutMs: Infinity,
      rateLimit: null,
      retries: noRetries,
      filters: [],
      ...options.service,
    }),
    clientOptions: () => ({ ...clientOptions(clock, random, options), ...options.client }),
    explain: (dst, localDtab) => `trace of ${dst} with ${localDtab.length} entries`,
    ...options.router,
  });
  return {
    get pending() {
      return router.pending;
    },
    clock,
    metrics,
    events,
    wires,
    service: router.service,
    guarded: (guard) => router.guarded(guard),
    destinations: () => router.destinations(),
    clusters: () => router.clusters(),
    eachCluster: (id) => router.eachCluster(id),
    troubledClusters: () => router.troubledClusters(),
    troubledNames: () => router.troubledNames(),
    sizes: () => router.sizes(),
    clientState: () => router.clientState(),
    faults: router.faults,
    close: (graceMs: number) => router.close(graceMs),
    binding,
    bind: (path: string, id: string, set: Cell<AddressSet> | AddressSet) =>
      binding(path).set(ok(leaf(bound(id, set)))),
    counter: (...name: readonly string[]) => metrics.stats.counter(...name).value,
    gauge: (...name: readonly string[]) => readGauge(metrics, name),
  };
}

export function bound(id: string, set: Cell<AddressSet> | AddressSet, residual = "/"): Bound {
  const live = typeof set === "object" && "watch" in set ? set : constant<AddressSet>(ok(set));
  return { id: pathLiteral(id), residual: pathLiteral(residual), addresses: live };
}

/** As the configuration has them unless it says otherwise. */
export const defaultBudget = { ttlSecs: 10, minRetriesPerSec: 10, percentCanRetry: 0.2 };
const noRetries = {
  budget: defaultBudget,
  maxAttempts: 3,
  backoff: () => ({ nextMs: () => 0, reset: () => {} }),
};

function interpreterOf(binding: (path: string) => Cell<NameTree<Bound>>): Interpreter {
  return {
    bind: (_: Dtab, path: Path) => binding(path),
    delegate: () => constant(pending),
    close: () => {},
  };
}

function clientOptions(clock: Clock, random: Random, options: TestRouterOptions): ClientOptions {
  return {
    balancing: balancing(options.balancer ?? p2c, { clock, random }, options.balancerConfig),
    accrual: accrualOf(consecutiveFailures, {}, random),
    attemptTimeoutMs: Infinity,
    requeueBudget: defaultBudget,
    filters: noClientFilters,
    dial: dialOptions,
  };
}

/** What an accrual's plugin makes of a configuration, defaults filled in. */
export function accrualOf(plugin: AccrualPlugin, config: object, random: Random): AccrualMaker {
  return plugin.create(v.parse(plugin.schema, { kind: plugin.kind, ...config }), { random });
}

/** What a balancer's plugin makes of a configuration, defaults filled in. */
export function balancing(
  plugin: BalancerPlugin,
  deps: { readonly clock: Clock; readonly random: Random },
  config: Readonly<Record<string, unknown>> = {},
) {
  return plugin.create(v.parse(plugin.schema, { kind: plugin.kind, ...config }), deps);
}

function dial(
  at: Address,
  service: Service<TestCall, TestResponse>,
  wires: TestWire[],
  closed: (() => void) | undefined,
): Wire<TestCall, TestResponse> {
  const closes: number[] = [];
  const wire: TestWire = {
    address: at,
    closes,
    service,
    get status() {
      return closes.length > 0 ? ("closed" as const) : ("open" as const);
    },
    connections: 1,
    close: (graceMs) => {
      closes.push(graceMs);
      closed?.();
    },
  };
  wires.push(wire);
  return wire;
}

function readGauge(metrics: Metrics, name: readonly string[]): number | undefined {
  let node = metrics.root;
  for (const part of name) {
    const child = node.children.get(part);
    if (child === undefined) return undefined;
    node = child;
  }
  return node.metric?.kind === "gauge" ? node.metric.read() : undefined;
}

const dialOptions: DialOptions = {
  connectTimeoutMs: 1_000,
  socket: {
    noDelay: true,
    reusePort: false,
    keepAlive: null,
    backlog: null,
    readTimeoutMs: Infinity,
    writeTimeoutMs: Infinity,
  },
  minConnections: 0,
  maxConnections: Infinity,
  maxWaiters: Infinity,
  maxWaitMs: Infinity,
  poolIdleMs: Infinity,
  idleTimeMs: Infinity,
  lifeTimeMs: Infinity,
  config: {},
};
