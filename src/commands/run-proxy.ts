// The work of `switchyard run`: the proxy, its log, its shutdown. A file of its own, which run.ts loads
// only after the configuration was checked: it brings in everything that runs.
import { setFlagsFromString } from "node:v8";
import { startProxy } from "../assemble.ts";
import { Lifecycle } from "../assemble/lifecycle.ts";
import type { Config } from "../config/config.ts";
import { systemClock } from "../runtime/timers.ts";
import { logTo } from "../runtime/log-sink.ts";
import { openLogs } from "../telemetry/log.ts";
import type { LevelName } from "../telemetry/log.ts";
import type { ExitCode, Terminal } from "./command.ts";

const levels: Readonly<Record<Config["logLevel"], LevelName>> = {
  debug: "DEBUG",
  info: "INFO",
  warn: "WARNING",
  error: "ERROR",
};

/** `file` is `-` for standard input. Returns once the proxy is running; the process then lives as long as its sockets. */
export async function runProxy(
  config: Config,
  file: string,
  terminal: Terminal,
): Promise<ExitCode> {
  const clock = systemClock();
  const logs = openLogs(logTo(2, process.stderr.isTTY), levels[config.logLevel], clock);
  const graceMs = config.admin.shutdownGraceMs;
  const log = logs.log("process");
  const lifecycle = new Lifecycle({
    process,
    clock,
    log,
    fatal: (event) => logs.fatal(event),
    flush: () => logs.flush(),
    graceMs,
  });
  try {
    const proxy = await startProxy(config, {
      clock,
      random: Math.random,
      logs,
      configFile: file === "-" ? null : file,
      notReady: () => lifecycle.notReady(),
      shutdown: (grace) => lifecycle.shutdown("POST /admin/shutdown", grace ?? graceMs),
    });
    lifecycle.add("proxy", (grace) => proxy.close(grace));
    lifecycle.started();
    endStartUp(config);
    const { host, port } = proxy.admin;
    const scheme = config.admin.tls === null ? "http" : "https";
    log.info({ event: "initialized", admin: `${scheme}://${host}:${port}` });
    return 0;
  } catch (error) {
    logs.flush();
    terminal.error(`switchyard: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
}

/**
 * Restores the optimizations that bin/switchyard switched off for the start. A collection of the young
 * generation costs half a millisecond whatever its size, so it grows to 16 MiB in two steps, where V8
 * would take four. A call passes through some fifty small functions, twice as many as V8 would inline
 * into one; a still larger limit only makes compilation slower. Without routers nothing is in a hurry, and the
 * young generation stays small: a fleet of 200 instances fits into 150 MiB.
 */
function endStartUp({ routers }: Config): void {
  const isHurried = routers.length > 0;
  setFlagsFromString(isHurried ? "--semi-space-growth-factor=4" : "--heap-growing-percent=30");
  setFlagsFromString("--max-inlined-bytecode-size-cumulative=2000");
  setFlagsFromString("--opt");
}
