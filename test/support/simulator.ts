// A discrete-event simulation of one proxy's balancer in front of endpoints with queues.
import type { Random } from "../../src/core/clock.ts";
import { Balancer } from "../../src/routing/balancers/balancer.ts";
import type {
  Balancing,
  Candidate,
  Distributor,
  Node,
  Status,
} from "../../src/routing/balancers/balancer.ts";
import { address } from "./routing.ts";

export class SimulatedEndpoint implements Candidate {
  readonly address;
  status: Status = "open";
  pending = 0;
  constructor(port: number, weight = 1) {
    this.address = address(port, weight);
  }
}

export interface SimulatedServer {
  /** Calls it works on at a time; the others wait in order. */
  readonly workers: number;
  /** When discovery shows it; from the start unless given. */
  readonly joinsAtMs?: number;
  /** How long one call takes, and whether it fails. */
  serve(nowMs: number, random: Random): { readonly ms: number; readonly fails?: boolean };
}

export interface Simulation {
  readonly balancing: Balancing;
  readonly random: Random;
  readonly servers: readonly SimulatedServer[];
  readonly callsPerSecond: number;
  readonly seconds: number;
  /** What happens before counts for nothing. */
  readonly warmUpSeconds: number;
  onCall?(server: number, nowMs: number): void;
}

export interface SimulationResult {
  /** Milliseconds, sorted. */
  readonly latencies: readonly number[];
  /** Calls by server. */
  readonly calls: readonly number[];
  readonly failures: number;
  readonly maxPending: number;
  /** The share of all calls that a server got. */
  share(server: number): number;
  /** `fraction` from 0 to 1. */
  percentile(fraction: number): number;
}

interface Event {
  readonly atMs: number;
  run(): void;
}

export function simulate(simulation: Simulation): SimulationResult {
  const { balancing, random, servers, callsPerSecond, seconds, warmUpSeconds } = simulation;
  const counter = () => ({ value: 0 });
  const balancer = new Balancer<SimulatedEndpoint>(balancing, random, {
    maxEffortExhausted: counter(),
    rebuilds: counter(),
    panics: counter(),
  });
  const endpoints = servers.map((_, i) => new SimulatedEndpoint(i + 1));
  const nodes = endpoints.map((endpoint) => balancer.node(endpoint));
  nodes.forEach((node, i) => (node.sinceMs = servers[i]!.joinsAtMs ?? -Infinity));
  const join = (nowMs: number) =>
    balancer.update(nodes.filter((_, i) => (servers[i]!.joinsAtMs ?? 0) <= nowMs));
  const queues = servers.map(() => ({ busy: 0, waiting: [] as Call[] }));
  const events = new EventQueue();
  join(0);
  for (const { joinsAtMs = 0 } of servers) {
    if (joinsAtMs > 0) events.add({ atMs: joinsAtMs, run: () => join(joinsAtMs) });
  }
  const latencies: number[] = [];
  const calls = servers.map(() => 0);
  let failures = 0;
  let maxPending = 0;

  interface Call {
    readonly server: number;
    readonly startedMs: number;
    readonly node: Node<SimulatedEndpoint>;
  }
  const counts = (startedMs: number) => startedMs >= warmUpSeconds * 1_000;
  const begin = (nowMs: number) => {
    const node = balancer.pick(nowMs);
    if (node === null) throw new Error("nothing to choose from");
    const server = node.endpoint.address.port - 1;
    node.endpoint.pending++;
    node.began(nowMs);
    if (counts(nowMs)) {
      calls[server]! += 1;
      maxPending = Math.max(maxPending, node.endpoint.pending);
    }
    simulation.onCall?.(server, nowMs);
    queues[server]!.waiting.push({ server, startedMs: nowMs, node });
    work(server, nowMs);
  };
  const work = (server: number, nowMs: number) => {
    const queue = queues[server]!;
    while (queue.busy < servers[server]!.workers) {
      const call = queue.waiting.shift();
      if (call === undefined) return;
      queue.busy++;
      const { ms, fails } = servers[server]!.serve(nowMs, random);
      events.add({ atMs: nowMs + ms, run: () => finish(call, nowMs + ms, fails === true) });
    }
  };
  const finish = (call: Call, nowMs: number, hasFailed: boolean) => {
    const { node, startedMs, server } = call;
    const elapsedMs = nowMs - startedMs;
    if (hasFailed) node.latency?.observeFailure(nowMs, elapsedMs);
    else node.latency?.observe(nowMs, elapsedMs);
    node.endpoint.pending--;
    node.ended(nowMs);
    queues[server]!.busy--;
    if (counts(startedMs)) {
      latencies.push(elapsedMs);
      if (hasFailed) failures++;
    }
    work(server, nowMs);
  };
  const arrive = (atMs: number) => {
    if (atMs >= seconds * 1_000) return;
    events.add({
      atMs,
      run: () => {
        begin(atMs);
        arrive(atMs + exponential(1_000 / callsPerSecond, random));
      },
    });
  };
  arrive(0);
  for (let event = events.take(); event !== null; event = events.take()) event.run();

  latencies.sort((a, b) => a - b);
  const all = calls.reduce((a, b) => a + b, 0);
  return {
    latencies,
    calls,
    failures,
    maxPending,
    share: (server) => calls[server]! / all,
    percentile: (fraction) => latencies[Math.floor(fraction * (latencies.length - 1))]!,
  };
}

function exponential(mean: number, random: Random): number {
  return -mean * Math.log(1 - random());
}

/** The sum of four exponential steps: a service time that varies by half its mean. */
export function erlang4(mean: number, random: Random): number {
  let sum = 0;
  for (let i = 0; i < 4; i++) sum += exponential(mean / 4, random);
  return sum;
}

/** One choice, for comparison. */
export const randomChoice = (random: Random): Balancing => ({
  kind: "random",
  enableProbation: false,
  panicThreshold: 0,
  slowStartMs: 0,
  maxEffort: 1,
  decayTimeMs: null,
  distributor: <E extends Candidate>(): Distributor<E> => {
    let all: readonly Node<E>[] = [];
    return {
      update: (nodes) => void (all = nodes),
      rebuild: () => {},
      pick: () => all[Math.floor(random() * all.length)]!,
      loadChanged: null,
    };
  },
});

/** A binary heap by time. */
class EventQueue {
  readonly #heap: Event[] = [];

  add(event: Event): void {
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent]!.atMs <= event.atMs) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = event;
  }

  take(): Event | null {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined) return null;
    if (heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.atMs < heap[child]!.atMs) child++;
      if (heap[child]!.atMs >= last.atMs) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}
