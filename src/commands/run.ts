// `switchyard run FILE`
import { misused, onlyFile, readArguments } from "./command.ts";
import { loadConfig } from "./load.ts";
import type { Command } from "./command.ts";

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
    if (config === null) return 1;
    const { runProxy } = await import("./run-proxy.ts");
    return runProxy(config, terminal);
  },
};
