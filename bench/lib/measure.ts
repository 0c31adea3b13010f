// Starts one proxy on its core, puts it under load, and reads the cost.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import {
  untilHttpReady,
  untilReady,
  freePort,
  proxyCore,
  startChild,
  type Child,
} from "./child.ts";
import type { Generator } from "./generator.ts";
import type { LoadOptions } from "./load.ts";
import { bytesPerMib } from "./numbers.ts";
import { memoryOf, processorTimeOf } from "./procfs.ts";
import type { Sample } from "./report/report.ts";
import { serviceName, type Peer } from "../peers/peer.ts";

/** The settings that all measurements of a run share. */
export interface Bench {
  readonly generator: Generator;
  /** Ten ports of the cheap origin. */
  readonly origins: readonly number[];
  readonly isPinned: boolean;
  readonly connections: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  /** The load comes over TLS. */
  readonly isSecure?: boolean;
}

const idleAfterMs = 2_000;

/** A running proxy. Its starter stops it, which also removes its folder. */
export interface Running {
  readonly child: Child;
  readonly port: number;
  /** Two seconds after the first response. */
  readonly idleMib: number;
  stop(): Promise<void>;
}

/** Polls `hosts[0]` until it responds. Throws when the proxy does not start. */
export async function startProxy(
  peer: Pick<Peer, "name" | "prepare" | "ask">,
  bench: Pick<Bench, "isPinned" | "origins">,
  host = serviceName,
): Promise<Running> {
  const folder = mkdtempSync(path.join(tmpdir(), `switchyard-bench-${peer.name}-`));
  const port = await freePort();
  const command = peer.prepare({ folder, port, origins: bench.origins });
  const child = startChild(command, bench.isPinned ? proxyCore : null);
  const stop = async (): Promise<void> => {
    await child.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const { ask } = peer;
    if (ask === undefined) await untilHttpReady(child, port, host);
    else await untilReady(child, () => ask(port));
  } catch (error) {
    await stop();
    throw error;
  }
  await new Promise((resolve) => setTimeout(resolve, idleAfterMs));
  return { child, port, idleMib: residentMib(child), stop };
}

export function residentMib(child: Child): number {
  return memoryOf(child.pid).rssBytes / bytesPerMib;
}

/** Loads a running proxy for `seconds` and reads its processor time before and after. */
export async function measure(
  running: Running,
  generator: Generator,
  load: LoadOptions,
): Promise<Sample> {
  const before = processorTimeOf(running.child.pid);
  const result = await generator.run(load);
  const after = processorTimeOf(running.child.pid);
  const perRequest = (seconds: number): number => (seconds * 1e6) / result.requests;
  return {
    requestsPerS: result.requests / result.seconds,
    p50Ms: result.p50Ms,
    p99Ms: result.p99Ms,
    userUs: perRequest(after.userS - before.userS),
    systemUs: perRequest(after.systemS - before.systemS),
    idleMib: running.idleMib,
    loadedMib: residentMib(running.child),
    errors: result.errors,
  };
}

/** One round of one proxy: start, idle, warm up, measure, stop. */
export async function sampleProxy(peer: Peer, bench: Bench): Promise<Sample> {
  const running = await startProxy(peer, bench);
  try {
    const load = loadFor(bench, running.port, [serviceName]);
    await bench.generator.run({ ...load, seconds: bench.warmUpSeconds });
    return await measure(running, bench.generator, load);
  } finally {
    await running.stop();
  }
}

/** The same load without a proxy: the limit of generator and origin. */
export async function sampleDirect(bench: Bench): Promise<Sample> {
  const load = loadFor(bench, bench.origins[0] ?? 0, [serviceName]);
  const result = await bench.generator.run(load);
  return {
    requestsPerS: result.requests / result.seconds,
    p50Ms: result.p50Ms,
    p99Ms: result.p99Ms,
    userUs: null,
    systemUs: null,
    idleMib: null,
    loadedMib: null,
    errors: result.errors,
  };
}

export function loadFor(bench: Bench, port: number, hosts: readonly string[]): LoadOptions {
  const { connections, seconds, isSecure = false } = bench;
  return { port, connections, seconds, hosts, ...(isSecure ? { isSecure } : {}) };
}
