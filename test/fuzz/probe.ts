// Loaded into the proxy's process before the proxy: measures its event loop and its memory from the
// inside. Only what the main thread itself computed counts, because on a busy machine the process also
// waits for a processor; and each callback counts alone, because after such a wait many are due together.
import { createHook, executionAsyncResource } from "node:async_hooks";
import { openSync, readdirSync, readSync } from "node:fs";
import { PerformanceObserver } from "node:perf_hooks";
import { Profiler } from "./profiler.ts";

/** A callback of the event loop that took its thread too long. */
export interface Stall {
  readonly kind: "stall";
  /** Processor time of the main thread. */
  readonly cpuMs: number;
  /** Of which collecting garbage; by the clock, and so at most. */
  readonly gcMs: number;
  /** What called back, such as TCP or Immediate. */
  readonly resource: string;
  /** With FUZZ_PROFILE: the functions in which the time was spent, callers behind them. */
  readonly stacks: readonly string[];
}

export interface Reading {
  readonly kind: "reading";
  /** The longest callback since the last reading, in ms of the main thread's processor time. */
  readonly longestMs: number;
  /** What is held after a full collection: the heap and all buffers. */
  readonly heldBytes: number;
  readonly residentBytes: number;
  /** Open files, sockets included; 0 where the system does not say. */
  readonly files: number;
}

export const stallMs = 50;

function measure(send: (message: Stall | Reading) => void): void {
  const threadCpuMs = cpuClock();
  let depth = 0;
  let startedMs = 0;
  let longestMs = 0;
  let gcMs = 0;
  const profiler = process.env["FUZZ_PROFILE"] === undefined ? null : new Profiler();
  const collections = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) gcMs += duration;
  });
  collections.observe({ entryTypes: ["gc"] });
  const ended = () => {
    const cpuMs = threadCpuMs() - startedMs;
    longestMs = Math.max(longestMs, cpuMs);
    if (cpuMs <= stallMs) return;
    const resource = executionAsyncResource().constructor.name;
    gcMs = 0; // those of this callback are reported in a later turn
    const stacks = profiler?.stacksOf(cpuMs) ?? [];
    setTimeout(() => send({ kind: "stall", cpuMs, gcMs, resource, stacks }), 5);
  };
  createHook({
    before() {
      if (depth++ === 0) startedMs = threadCpuMs();
    },
    after() {
      if (--depth === 0) ended();
    },
  }).enable();
  process.on("message", () => {
    const reading = { kind: "reading", longestMs, ...held() } as const;
    startedMs = threadCpuMs(); // what measuring costs does not count
    longestMs = 0;
    send(reading);
  });
  process.channel?.unref();
}

function held(): Omit<Reading, "kind" | "longestMs"> {
  const { gc } = globalThis as { gc?: () => void };
  gc?.();
  gc?.(); // what finalizers let go during the first
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heldBytes: heapUsed + external, residentBytes: rss, files: openFiles() };
}

function openFiles(): number {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return 0;
  }
}

/** Milliseconds of processor time of this thread; of the whole process where only that is known. */
function cpuClock(): () => number {
  const ofProcess = () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1_000;
  };
  try {
    const file = openSync(`/proc/self/task/${process.pid}/schedstat`, "r");
    const text = Buffer.alloc(64);
    const read = () => text.toString("latin1", 0, readSync(file, text, 0, 64, 0));
    return () => Number.parseInt(read(), 10) / 1e6;
  } catch {
    return ofProcess;
  }
}

if (process.send !== undefined) {
  const send = process.send.bind(process);
  measure((message) => void send(message));
}
