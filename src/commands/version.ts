// `switchyard version`
import { version } from "../version.ts";
import { usageError, parseArguments } from "./command.ts";
import type { Command } from "./command.ts";

export const versionCommand: Command = {
  name: "version",
  summary: "Print the version and exit",
  help: "Usage: switchyard version\n\nPrints switchyard's version and the version of Node that runs it.",
  async run(args, terminal) {
    const parsed = parseArguments(args, {});
    if (typeof parsed === "string") return usageError(this, parsed, terminal);
    if (parsed.positionals.length > 0) return usageError(this, "takes no arguments", terminal);
    terminal.out(`switchyard ${version} (node ${process.versions.node})`);
    return 0;
  },
};
