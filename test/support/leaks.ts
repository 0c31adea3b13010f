// What a proxy must not leave behind: calls, sockets, timers, watches of files.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { Server, Socket } from "node:net";
import type { RunningProxy } from "../../src/assemble.ts";
import type { Clock } from "../../src/core/clock.ts";
import { heldMemory } from "../../src/runtime/held-memory.ts";
import { systemClock } from "../../src/runtime/timers.ts";

export interface CountingClock extends Clock {
  /** Timers that have neither run nor been closed. */
  readonly running: number;
}

/** The time of the machine; knows how many timers are running. */
export function countingClock(): CountingClock {
  const clock = systemClock();
  let running = 0;
  return {
    nowMs: () => clock.nowMs(),
    wallMs: () => clock.wallMs(),
    after(delayMs, run) {
      if (delayMs === Infinity) return () => {};
      let isRunning = true;
      running++;
      const stop = () => {
        if (isRunning) running--;
        isRunning = false;
      };
      const close = clock.after(delayMs, () => {
        stop();
        run();
      });
      return () => {
        stop();
        close();
      };
    },
    get running() {
      return running;
    },
  };
}

/** Ports of a proxy by which its sockets are known: those it listens on, and its endpoints'. */
export interface ProxyPorts {
  readonly own: ReadonlySet<number>;
  readonly endpoints: ReadonlySet<number>;
}

/** To be read before the proxy closes: then its endpoints are forgotten. */
export function portsOf(proxy: RunningProxy): ProxyPorts {
  const listening = proxy.routers.flatMap(({ listeners }) => listeners.map(({ port }) => port));
  const addresses = proxy.routers.flatMap((router) =>
    router.clusters().flatMap(({ endpoints }) => endpoints.map(({ address }) => address)),
  );
  return {
    own: new Set([...listening, proxy.admin.port]),
    endpoints: new Set(addresses.map((address) => Number(address.split(":").at(-1)))),
  };
}

/** Calls begun and not ended, by path and by client; empty when all have ended. */
function pendingCalls(proxy: RunningProxy): string[] {
  return proxy.routers.flatMap((router) => [
    ...router
      .destinations()
      .flatMap(({ logicalName, pending }) => (pending === 0 ? [] : [logicalName])),
    ...router
      .clusters()
      .flatMap(({ id, pending, endpoints }) => [
        ...(pending === 0 ? [] : [id]),
        ...endpoints.flatMap((each) => (each.pending === 0 ? [] : [`${id} at ${each.address}`])),
      ]),
  ]);
}

/** Waits until callers that went away have been noticed. */
export async function assertNoPendingCalls(proxy: RunningProxy): Promise<void> {
  await goneSoon(() => pendingCalls(proxy), "calls that never ended");
}

/** Of a proxy that has closed. `ports` as they were before. */
export async function assertNothingLeft(
  proxy: RunningProxy,
  ports: ProxyPorts,
  clock: CountingClock,
): Promise<void> {
  for (const router of proxy.routers) {
    assert.deepEqual(router.destinations(), [], "paths of a closed router");
    assert.deepEqual(router.clusters(), [], "clusters of a closed router");
  }
  await goneSoon(() => socketsOf(ports), "sockets of a closed proxy");
  await goneSoon(
    () => (clock.running === 0 ? [] : [`${clock.running} timers`]),
    "timers of a closed proxy",
  );
}

/** Proxies of one process share what they hold: to be called when the last one has closed. */
export async function assertNoMemoryHeld(): Promise<void> {
  await goneSoon(
    () => (heldMemory.bytes === 0 ? [] : [`${heldMemory.bytes} bytes`]),
    "bytes of peers that are still counted as held",
  );
}

/** Of files and folders, which namers and dtab files need; only Linux tells. */
export async function assertNoWatchesLeft(): Promise<void> {
  await goneSoon(inotifyWatches, "watches of files");
}

function inotifyWatches(): string[] {
  const folder = "/proc/self/fdinfo";
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((fd) => {
    const file = `${folder}/${fd}`;
    // The descriptor of the listing itself is gone by now.
    return existsSync(file) ? (readFileSync(file, "utf8").match(/^inotify wd:.*$/gm) ?? []) : [];
  });
}

/** The sockets of this process that the proxy accepted or dialled, and what still listens. */
function socketsOf({ own, endpoints }: ProxyPorts): string[] {
  const { _getActiveHandles } = process as unknown as { _getActiveHandles(): unknown[] };
  return _getActiveHandles().flatMap((handle) => {
    if (handle instanceof Server) {
      const address = handle.address();
      const isOwn = typeof address === "object" && address !== null && own.has(address.port);
      return isOwn ? [`listening on ${address.port}`] : [];
    }
    if (!(handle instanceof Socket) || handle.destroyed) return [];
    const { localPort = 0, remotePort = 0 } = handle;
    const isIts = own.has(localPort) || (endpoints.has(remotePort) && !own.has(remotePort));
    return isIts ? [`socket ${localPort} -> ${remotePort}`] : [];
  });
}

const patienceMs = 2_000;

/** Closing takes the event loop a few turns. */
async function goneSoon(left: () => readonly string[], what: string): Promise<void> {
  const endMs = performance.now() + patienceMs;
  while (left().length > 0 && performance.now() < endMs) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.deepEqual(left(), [], what);
}
