// The command: argv, help, exit code; nothing else.
import { checkCommand } from "./commands/check.ts";
import { explainCommand } from "./commands/explain.ts";
import { runCommand } from "./commands/run.ts";
import { schemaCommand } from "./commands/schema.ts";
import { versionCommand } from "./commands/version.ts";
import type { Command, ExitCode, Terminal } from "./commands/command.ts";

const commands: readonly Command[] = [
  runCommand,
  checkCommand,
  explainCommand,
  schemaCommand,
  versionCommand,
];

const overview = `switchyard: a multi-protocol RPC proxy that routes by name

Usage: switchyard <command> [arguments]

Commands:
${commands.map(({ name, summary }) => `  ${name.padEnd(9)} ${summary}`).join("\n")}

\`switchyard <command> --help\` tells more of one. Exit codes: 0 done, 1 failed, 2 used wrongly.`;

const terminal: Terminal = {
  out: (text) => void process.stdout.write(`${text}\n`),
  error: (text) => void process.stderr.write(`${text}\n`),
  hasColor: process.stdout.isTTY === true && process.env["NO_COLOR"] === undefined,
  async readInput() {
    let text = "";
    for await (const chunk of process.stdin.setEncoding("utf8")) text += String(chunk);
    return text;
  },
};

async function main(argv: readonly string[]): Promise<ExitCode> {
  const [name, ...args] = argv;
  if (name === "--help" || name === "-h" || name === "help") {
    terminal.out(overview);
    return 0;
  }
  if (name === "--version") return versionCommand.run(args, terminal);
  const command = commands.find((known) => known.name === name);
  if (command === undefined) {
    terminal.error(name === undefined ? overview : `switchyard: unknown command '${name}'`);
    if (name !== undefined) terminal.error("Try `switchyard --help`.");
    return 2;
  }
  if (args.some((arg) => arg === "--help" || arg === "-h")) {
    terminal.out(command.help);
    return 0;
  }
  return command.run(args, terminal);
}

// Not process.exit: what was written to a pipe is still on its way.
process.exitCode = await main(process.argv.slice(2));
