// `switchyard version`
import { version } from "../version.ts";
import { misused, readArguments } from "./command.ts";
import type { Command } from "./command.ts";

export const versionCommand: Command = {
  name: "version",
  summary: "Print the version and exit",
  help: "Usage: switchyard version\n\nPrints switchyard's version and the version of Node that runs it.",
  async run(args, terminal) {
    const parsed = readArguments(args, {});
    if (typeof parsed === "string") return misused(this, parsed, terminal);
    if (parsed.positionals.length > 0) return misused(this, "takes no arguments", terminal);
    terminal.out(`switchyard ${version} (node ${process.versions.node})`);
    return 0;
  },
};
