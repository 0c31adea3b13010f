// The command line in the test's process: what it would print, and its exit code.
import { runCommandLine } from "../../src/commands/cli.ts";
import type { Terminal } from "../../src/commands/command.ts";

export interface LineOutcome {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

export async function line(
  args: readonly string[],
  options: { readonly input?: string; readonly hasColor?: boolean } = {},
): Promise<LineOutcome> {
  let out = "";
  let error = "";
  const terminal: Terminal = {
    out: (text) => void (out += `${text}\n`),
    error: (text) => void (error += `${text}\n`),
    hasColor: options.hasColor ?? false,
    hasErrorColor: options.hasColor ?? false,
    readInput: () => Promise.resolve(options.input ?? ""),
  };
  const code = await runCommandLine(args, terminal);
  return { code, out, error };
}
