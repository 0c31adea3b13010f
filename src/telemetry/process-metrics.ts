// Metrics of the process itself: memory, CPU time, open files, lag of the event loop.
import { readdirSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { monitorEventLoopDelay, performance, PerformanceObserver } from "node:perf_hooks";
import { getHeapStatistics, type HeapInfo } from "node:v8";
import type { Clock, Close } from "../core/clock.ts";
import type { Stats } from "../core/stats.ts";

/** Interval of the monitor, which is included in the delays that it reports. */
const lagResolutionMs = 20;
const lagPeriodMs = 1_000;

/**
 * Adds `jvm/...` for metrics with a counterpart in Linkerd, and `process/...` for the rest. Owns a
 * one-second timer and two observers until closed.
 */
export function countProcess(stats: Stats, clock: Clock, maxFiles: number): Close {
  countMemory(stats.scope("jvm"), stats.scope("process"), clock);
  countTimeAndFiles(stats.scope("jvm"), stats.scope("process"), clock, maxFiles);
  const closeLag = countLag(stats.scope("process", "event_loop"), clock);
  const closeCollections = countCollections(stats.scope("jvm", "gc"));
  return () => {
    closeLag();
    closeCollections();
  };
}

function countMemory(jvm: Stats, own: Stats, clock: Clock): void {
  const heap = cached(clock, getHeapStatistics);
  const memory = cached(clock, process.memoryUsage);
  const ofHeap = (field: keyof HeapInfo) => () => heap()[field];
  jvm.gauge(ofHeap("used_heap_size"), "heap", "used");
  jvm.gauge(ofHeap("total_heap_size"), "heap", "committed");
  jvm.gauge(ofHeap("heap_size_limit"), "heap", "max");
  // Linkerd's "used memory" is what the JVM accounts for, not the resident size.
  jvm.gauge(() => memory().heapUsed + memory().external, "mem", "current", "used");
  own.gauge(() => memory().rss, "mem", "rss");
  own.gauge(() => memory().external, "mem", "external");
  own.gauge(() => memory().arrayBuffers, "mem", "array_buffers");
}

function countTimeAndFiles(jvm: Stats, own: Stats, clock: Clock, maxFiles: number): void {
  const startedMs = clock.wallMs() - process.uptime() * 1_000;
  jvm.gauge(() => Math.round(process.uptime() * 1_000), "uptime");
  jvm.gauge(() => Math.round(startedMs), "start_time");
  jvm.gauge(() => availableParallelism(), "num_cpus");
  jvm.gauge(openFiles, "fd_count");
  jvm.gauge(() => maxFiles, "fd_limit");
  own.gauge(openFiles, "fds");
  own.gauge(() => Math.round(process.cpuUsage().user / 1_000), "cpu", "user_ms");
  own.gauge(() => Math.round(process.cpuUsage().system / 1_000), "cpu", "system_ms");
}

/** `lag_ms` has one sample per second: the longest time by which a timer was late; `max_lag_ms` is the last one. */
function countLag(eventLoop: Stats, clock: Clock): Close {
  const lag = eventLoop.histogram("lag_ms");
  const monitor = monitorEventLoopDelay({ resolution: lagResolutionMs });
  monitor.enable();
  let lastMs = 0;
  eventLoop.gauge(() => lastMs, "max_lag_ms");
  const sample = () => {
    cancel = clock.after(lagPeriodMs, sample);
    lastMs = Math.max(0, Math.round(monitor.max / 1e6) - lagResolutionMs);
    if (monitor.max > 0) lag.record(lastMs);
    monitor.reset();
  };
  let cancel = clock.after(lagPeriodMs, sample);
  eventLoop.gauge(() => performance.eventLoopUtilization().utilization, "utilization");
  return () => {
    cancel();
    monitor.disable();
  };
}

function countCollections(gc: Stats): Close {
  const cycles = gc.counter("cycles");
  const totalMs = gc.counter("msec");
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      cycles.value += 1;
      totalMs.value += entry.duration;
    }
  });
  observer.observe({ entryTypes: ["gc"] });
  return () => observer.disconnect();
}

/** Shares one reading between all gauges of a page: it costs as much as the rest of the page. */
function cached<T>(clock: Clock, read: () => T): () => T {
  let value: T | null = null;
  let readAtMs = -Infinity;
  return () => {
    if (value === null || clock.nowMs() - readAtMs > 100) {
      value = read();
      readAtMs = clock.nowMs();
    }
    return value;
  };
}

/** NaN on systems without /proc. */
function openFiles(): number {
  try {
    // Since Linux 6.2 the folder's size is the number of its entries; older kernels say 0.
    const { size } = statSync("/proc/self/fd");
    return size > 0 ? size : readdirSync("/proc/self/fd").length - 1;
  } catch {
    return Number.NaN;
  }
}
