// The program: connects arguments, terminal and exit code to the command line.
import { runCommandLine } from "./commands/cli.ts";
import type { Terminal } from "./commands/command.ts";

const terminal: Terminal = {
  out: (text) => void process.stdout.write(`${text}\n`),
  error: (text) => void process.stderr.write(`${text}\n`),
  hasColor: hasColor(process.stdout),
  hasErrorColor: hasColor(process.stderr),
  async readInput() {
    let text = "";
    for await (const chunk of process.stdin.setEncoding("utf8")) text += String(chunk);
    return text;
  },
};

// A reader that stops early, such as `head`, is not an error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit();
  throw error;
});

// Not process.exit, which would drop output that is still being written to a pipe.
process.exitCode = await runCommandLine(process.argv.slice(2), terminal);

function hasColor({ isTTY }: NodeJS.WriteStream): boolean {
  return isTTY === true && process.env["NO_COLOR"] === undefined;
}
