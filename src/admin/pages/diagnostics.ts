// Diagnostics of the running process: CPU profile, heap, event loop.
import type { Profiler } from "node:inspector/promises";
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import { getHeapSnapshot, getHeapSpaceStatistics, getHeapStatistics } from "node:v8";
import type { Clock } from "../../core/clock.ts";
import {
  hasFlag,
  json,
  numberParameter,
  errorResponse,
  type AdminRequest,
  type AdminResponse,
} from "../page.ts";
import type { AdminPage } from "../page.ts";

const maxProfileSeconds = 300;
const maxLagSeconds = 60;
const lagResolutionMs = 10;

export function diagnosticsPages(clock: Clock): readonly AdminPage[] {
  // Two concurrent profiles would each show the other; two snapshots would double the memory.
  const profile = atMost(1, "a profile", (request) => takeProfile(request, clock));
  const snapshot = atMost(1, "a heap snapshot", takeSnapshot);
  const lag = atMost(8, "the lag of the event loop", (request) => measureLag(request, clock));
  const heap = (request: AdminRequest) =>
    hasFlag(request.query, "snapshot") ? snapshot(request) : heapStatistics();
  return [
    {
      path: "/admin/profile",
      category: "diagnostics",
      isHeavy: true,
      isHazardous: true,
      confirm: () => "records what the process does, which slows it down meanwhile",
      get: profile,
      post: profile,
    },
    {
      path: "/admin/heap",
      category: "diagnostics",
      isHeavy: true,
      isHazardous: true,
      confirm: (query) =>
        hasFlag(query, "snapshot")
          ? "stops the process while the heap is written, and gives away all that is in memory, secrets included"
          : null,
      get: heap,
      post: heap,
    },
    {
      path: "/admin/event-loop",
      category: "diagnostics",
      isHeavy: true,
      get: lag,
    },
  ];
}

type Page = (request: AdminRequest) => AdminResponse | Promise<AdminResponse>;

function atMost(limit: number, what: string, page: Page): Page {
  let running = 0;
  return (request) => {
    if (running >= limit) {
      return errorResponse(409, `${what} is being taken; try again when it is done`);
    }
    running += 1;
    // Aborts after the response was sent as well: a snapshot is in memory until its last byte left.
    request.signal.addEventListener("abort", () => (running -= 1), { once: true });
    return page(request);
  };
}

/** A `.cpuprofile` for the developer tools of a browser or an editor. */
async function takeProfile({ query, signal }: AdminRequest, clock: Clock): Promise<AdminResponse> {
  const seconds = numberParameter(query, "seconds", 10, maxProfileSeconds);
  if (seconds === null) return badSeconds(maxProfileSeconds);
  // Loaded for the first profile: most processes never take one.
  const { Session } = await import("node:inspector/promises");
  const session = new Session();
  session.connect();
  try {
    await session.post("Profiler.enable");
    // While it lists the functions that exist, V8 holds a lock that a full collection of its garbage
    // takes as well: the process would hang for ever. One right before leaves no cause for another.
    await session.post("HeapProfiler.collectGarbage");
    await session.post("Profiler.start");
    await elapsed(seconds * 1_000, clock, signal);
    const { profile } = await session.post("Profiler.stop");
    return download(profile, `switchyard-${process.pid}.cpuprofile`);
  } finally {
    session.disconnect();
  }
}

function download(profile: Profiler.Profile, fileName: string): AdminResponse {
  const headers = { "content-disposition": `attachment; filename="${fileName}"` };
  return { ...json(profile), headers };
}

/** Blocks the process while it is written: for seconds if the heap is large. */
function takeSnapshot({ signal }: AdminRequest): AdminResponse {
  const body = getHeapSnapshot();
  signal.addEventListener("abort", () => body.destroy());
  return {
    status: 200,
    contentType: "application/json",
    body,
    headers: {
      "content-disposition": `attachment; filename="switchyard-${process.pid}.heapsnapshot"`,
    },
  };
}

function heapStatistics(): AdminResponse {
  return json({
    memory: process.memoryUsage(),
    heap: getHeapStatistics(),
    spaces: getHeapSpaceStatistics(),
  });
}

/** Measures for `seconds` how late timers run, in milliseconds. */
async function measureLag({ query, signal }: AdminRequest, clock: Clock): Promise<AdminResponse> {
  const seconds = numberParameter(query, "seconds", 1, maxLagSeconds);
  if (seconds === null) return badSeconds(maxLagSeconds);
  const monitor = monitorEventLoopDelay({ resolution: lagResolutionMs });
  const before = performance.eventLoopUtilization();
  monitor.enable();
  await elapsed(seconds * 1_000, clock, signal);
  monitor.disable();
  // The monitor reports the time between two samples, its own interval included.
  const lagMs = (ns: number) => Math.max(0, Math.round(ns / 1e4) / 100 - lagResolutionMs);
  return json({
    seconds,
    utilization: performance.eventLoopUtilization(before).utilization,
    samples: monitor.count,
    lag_ms: {
      mean: lagMs(monitor.mean),
      p50: lagMs(monitor.percentile(50)),
      p90: lagMs(monitor.percentile(90)),
      p99: lagMs(monitor.percentile(99)),
      p999: lagMs(monitor.percentile(99.9)),
      max: lagMs(monitor.max),
    },
  });
}

function badSeconds(max: number): AdminResponse {
  return errorResponse(400, `seconds must be a number above 0 and up to ${max}`);
}

/** Resolves after `ms`, or when the caller disconnects. */
function elapsed(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(ms, resolve);
    signal.addEventListener("abort", () => {
      cancel();
      resolve();
    });
  });
}
