// `switchyard run FILE`
import { usageError, singleFile, parseArguments } from "./command.ts";
import { loadConfig } from "./load.ts";
import type { Command } from "./command.ts";

export const runCommand: Command = {
  name: "run",
  summary: "Run the proxy that a configuration file describes",
  help: `Usage: switchyard run FILE

Reads FILE (YAML or JSON; - for standard input) and runs its routers until SIGTERM or SIGINT. Calls in
flight then have admin.shutdownGraceMs to finish; a second signal ends the process immediately. The log
goes to standard error, one JSON object per line, or as text if that is a terminal.
Exits with 1 when the file has a problem or a port cannot be opened.`,
  async run(args, terminal) {
    const parsed = parseArguments(args, {});
    if (typeof parsed === "string") return usageError(this, parsed, terminal);
    const chosen = singleFile(parsed.positionals);
    if ("problem" in chosen) return usageError(this, chosen.problem, terminal);
    const config = await loadConfig(chosen.file, terminal);
    if (config === null) return 1;
    const { runProxy } = await import("./run-proxy.ts");
    return runProxy(config, chosen.file, terminal);
  },
};
