// `switchyard check FILE`
import { misused, onlyFile, readArguments } from "./command.ts";
import { loadConfig } from "./load.ts";
import type { Command } from "./command.ts";

export const checkCommand: Command = {
  name: "check",
  summary: "Check a configuration file and report every problem with its line",
  help: `Usage: switchyard check FILE

Reads FILE (YAML or JSON; - for standard input) as \`run\` would, without opening a port, and prints
every problem, one a line: file:line:column path: what was expected, what is there.
Exits with 0 when \`run\` would accept the file, else with 1.`,
  async run(args, terminal) {
    const parsed = readArguments(args, {});
    if (typeof parsed === "string") return misused(this, parsed, terminal);
    const chosen = onlyFile(parsed.positionals);
    if ("problem" in chosen) return misused(this, chosen.problem, terminal);
    const config = await loadConfig(chosen.file, terminal);
    if (config === null) return 1;
    terminal.out(`${chosen.file === "-" ? "<stdin>" : chosen.file}: ok`);
    return 0;
  },
};
