// What a command of the command line is: a name, its help, and a function that gives an exit code.
import { parseArgs } from "node:util";
import type { ParseArgsConfig } from "node:util";

/** Where a command writes, so that tests can read it. */
export interface Terminal {
  out(text: string): void;
  error(text: string): void;
  /** Standard output is a terminal that wants colour. */
  readonly hasColor: boolean;
  readInput(): Promise<string>;
}

export interface Command {
  readonly name: string;
  /** One line, for the list of commands. */
  readonly summary: string;
  /** The whole text of `--help`. */
  readonly help: string;
  run(args: readonly string[], terminal: Terminal): Promise<ExitCode>;
}

/** 0: done. 1: failed (a broken file, no route). 2: used wrongly. */
export type ExitCode = 0 | 1 | 2;

interface Options {
  readonly [name: string]: { readonly type: "string" | "boolean" };
}

interface Arguments {
  readonly values: Readonly<Record<string, string | boolean | undefined>>;
  readonly positionals: readonly string[];
}

/** Reads options strictly; a text that says what was wrong instead of a result. */
export function readArguments(args: readonly string[], options: Options): Arguments | string {
  const config: ParseArgsConfig = {
    args: [...args],
    options: { ...options, help: { type: "boolean", short: "h" } },
    allowPositionals: true,
    strict: true,
  };
  try {
    const { values, positionals } = parseArgs(config);
    return { values: values as Arguments["values"], positionals };
  } catch (error) {
    // parseArgs explains at length how to pass a positional that begins with a dash: not needed.
    const [first] = (error instanceof Error ? error.message : String(error)).split(". ");
    return first ?? "bad arguments";
  }
}

/** Reports wrong use of a command: what was wrong, and where its help is. */
export function misused(command: Command, problem: string, terminal: Terminal): ExitCode {
  terminal.error(`switchyard ${command.name}: ${problem}`);
  terminal.error(`Try \`switchyard ${command.name} --help\`.`);
  return 2;
}

/** The file of a command that takes exactly one, or what to say. */
export function onlyFile(positionals: readonly string[]): { file: string } | { problem: string } {
  const [file, ...more] = positionals;
  if (file === undefined)
    return { problem: "expected a configuration file, or - for standard input" };
  if (more.length > 0) return { problem: `expected one file, got ${positionals.length}` };
  return { file };
}
