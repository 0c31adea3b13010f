// The program: its arguments, its terminal, its exit code; nothing else.
import { runLine } from "./commands/cli.ts";
import type { Terminal } from "./commands/command.ts";

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

// A reader that has read enough, such as `head`, is no reason to complain.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit();
  throw error;
});

// Not process.exit: what was written to a pipe is still on its way.
process.exitCode = await runLine(process.argv.slice(2), terminal);
