// `switchyard run FILE`
import { startProxy } from "../assemble.ts";
import { Lifecycle } from "../assemble/lifecycle.ts";
import type { Config } from "../config/config.ts";
import { systemClock } from "../net/timers.ts";
import { logTo } from "../telemetry/log-sink.ts";
import { openLogs } from "../telemetry/log.ts";
import type { LevelName } from "../telemetry/log.ts";
import { misused, onlyFile, readArguments } from "./command.ts";
import { loadConfig } from "./load.ts";
import type { Command, ExitCode, Terminal } from "./command.ts";

export const runCommand: Command = {
  name: "run",
  summary: "Run the proxy that a configuration file describes",
  help: `Usage: switchyard run FILE

Reads FILE (YAML or JSON; - for standard input) and runs its routers until SIGTERM or SIGINT, which
end it once calls in flight have their answers (at most admin.shutdownGraceMs); a second signal ends it
at once. The log goes to standard error, one JSON object a line; as text if that is a terminal.
Exits with 1 when the file has a problem or a port cannot be opened.`,
  async run(args, terminal) {
    const parsed = readArguments(args, {});
    if (typeof parsed === "string") return misused(this, parsed, terminal);
    const chosen = onlyFile(parsed.positionals);
    if ("problem" in chosen) return misused(this, chosen.problem, terminal);
    const config = await loadConfig(chosen.file, terminal);
    return config === null ? 1 : run(config, terminal);
  },
};

const levels: Readonly<Record<Config["logLevel"], LevelName>> = {
  debug: "DEBUG",
  info: "INFO",
  warn: "WARNING",
  error: "ERROR",
};

/** Returns when the proxy runs; the process then lives as long as its sockets. */
async function run(config: Config, terminal: Terminal): Promise<ExitCode> {
  const clock = systemClock();
  const logs = openLogs(logTo(2, process.stderr.isTTY), levels[config.logLevel]);
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
      notReady: () => lifecycle.notReady(),
      shutdown: (grace) => lifecycle.shutdown("POST /admin/shutdown", grace ?? graceMs),
    });
    lifecycle.add("proxy", (grace) => proxy.close(grace));
    lifecycle.started();
    const { host, port } = proxy.admin;
    log.info({ event: "initialized", admin: `http://${host}:${port}` });
    return 0;
  } catch (error) {
    logs.flush();
    terminal.error(`switchyard: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
}
