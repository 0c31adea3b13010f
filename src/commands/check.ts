// `switchyard check FILE`
import { usageError, singleFile, parseArguments } from "./command.ts";
import { loadConfig } from "./load.ts";
import type { Command } from "./command.ts";

export const checkCommand: Command = {
  name: "check",
  summary: "Check a configuration file and report every problem with its line",
  help: `Usage: switchyard check FILE

Reads FILE (YAML or JSON; - for standard input) as \`run\` would, without opening a port, and prints
every problem, one per line: file:line:column path: what was expected, what was found.
Exits with 0 when \`run\` would accept the file, otherwise with 1.`,
  async run(args, terminal) {
    const parsed = parseArguments(args, {});
    if (typeof parsed === "string") return usageError(this, parsed, terminal);
    const chosen = singleFile(parsed.positionals);
    if ("problem" in chosen) return usageError(this, chosen.problem, terminal);
    const config = await loadConfig(chosen.file, terminal);
    if (config === null) return 1;
    terminal.out(`${chosen.file === "-" ? "<stdin>" : chosen.file}: ok`);
    return 0;
  },
};
