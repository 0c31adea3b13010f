// The command line: finds the command, or lists all commands.
import { certCommand } from "./cert.ts";
import { checkCommand } from "./check.ts";
import { explainCommand } from "./explain.ts";
import { fleetCommand } from "./fleet.ts";
import { problemsCommand } from "./problems.ts";
import { logsCommand } from "./logs.ts";
import { runCommand } from "./run.ts";
import { dtabCommand } from "./dtab/dtab.ts";
import { shiftCommand } from "./shift/shift.ts";
import { schemaCommand } from "./schema.ts";
import { tapCommand } from "./tap.ts";
import { whyCommand } from "./why.ts";
import { versionCommand } from "./version.ts";
import type { Command, ExitCode, Terminal } from "./command.ts";

const commands: readonly Command[] = [
  runCommand,
  checkCommand,
  explainCommand,
  whyCommand,
  tapCommand,
  fleetCommand,
  dtabCommand,
  shiftCommand,
  problemsCommand,
  logsCommand,
  schemaCommand,
  certCommand,
  versionCommand,
];

const overview = `switchyard: a multi-protocol RPC proxy that routes by name

Usage: switchyard <command> [arguments]

Commands:
${commands.map(({ name, summary }) => `  ${name.padEnd(9)} ${summary}`).join("\n")}

\`switchyard <command> --help\` shows the help of a command. Exit codes: 0 success, 1 failure, 2 wrong usage.`;

/** `argv` excludes the program. */
export async function runCommandLine(
  argv: readonly string[],
  terminal: Terminal,
): Promise<ExitCode> {
  const [name, ...args] = argv;
  if (name === "help" && args[0] !== undefined)
    return runCommandLine([args[0], "--help"], terminal);
  if (name === "--help" || name === "-h" || name === "help") {
    terminal.out(overview);
    return 0;
  }
  if (name === "--version") return versionCommand.run(args, terminal);
  const command = commands.find((known) => known.name === name);
  if (command === undefined) return unknownCommand(name, terminal);
  if (args.some((arg) => arg === "--help" || arg === "-h")) {
    terminal.out(command.help);
    return 0;
  }
  return command.run(args, terminal);
}

function unknownCommand(name: string | undefined, terminal: Terminal): ExitCode {
  if (name === undefined) {
    terminal.error(overview);
    return 2;
  }
  const what = name.startsWith("-") ? "option" : "command";
  terminal.error(`switchyard: unknown ${what} '${name}'`);
  terminal.error("Try `switchyard --help`.");
  return 2;
}
