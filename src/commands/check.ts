// `switchyard check FILE`
import { outputOptions, parseArguments, singleFile, usageError, wantsJson } from "./command.ts";
import { checkFile } from "./load.ts";
import { jsonOf, printReports, promote, summaryOf } from "./report.ts";
import type { Command } from "./command.ts";

export const checkCommand: Command = {
  name: "check",
  summary: "Check a configuration file and report every problem with its line",
  help: `Usage: switchyard check FILE [--strict] [--format text|json]

Reads FILE (YAML or JSON; - for standard input) as \`run\` would, without opening a port, and prints
every problem to standard error, errors first, one per line:

  error: file:line:column path: what was expected, what was found
  warning: file:line:column path: what happens instead

  --strict        warnings are errors
  --format json   one JSON object on standard output: file, ok, errors and warnings, each with line,
                  column, path and message; --json is the same

A folder or file that does not exist is a warning, because files are often checked elsewhere; \`run\`
waits for folders and dtab files, and does not start without certificates.
Exits with 0 when there is no error, otherwise with 1.`,
  async run(args, terminal) {
    const parsed = parseArguments(args, {
      strict: { type: "boolean" },
      ...outputOptions,
    });
    if (typeof parsed === "string") return usageError(this, parsed, terminal);
    const chosen = singleFile(parsed.positionals);
    if ("problem" in chosen) return usageError(this, chosen.problem, terminal);
    const { strict } = parsed.values;
    const isJson = wantsJson(parsed.values);
    if (typeof isJson === "string") return usageError(this, isJson, terminal);
    const check = promote(await checkFile(chosen.file, terminal), () => strict === true);
    const isGood = check.config !== null;
    if (isJson) terminal.out(jsonOf(check));
    else {
      printReports(check, terminal);
      const summary = summaryOf(check);
      if (!isGood) terminal.error(`${check.file}: ${summary}`);
      else terminal.out(`${check.file}: ok${summary === "" ? "" : `, ${summary}`}`);
    }
    return isGood ? 0 : 1;
  },
};
