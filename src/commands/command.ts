// A command of the command line: a name, its help, and a function that returns an exit code.
import { parseArgs } from "node:util";
import type { ParseArgsConfig } from "node:util";

/** The input and output of a command, replaceable in tests. */
export interface Terminal {
  out(text: string): void;
  error(text: string): void;
  /** Standard output is a terminal, and NO_COLOR is not set. */
  readonly hasColor: boolean;
  /** The same for standard error. */
  readonly hasErrorColor: boolean;
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

/** 0: success. 1: failure (a broken file, no route). 2: wrong usage. */
export type ExitCode = 0 | 1 | 2;

interface Options {
  readonly [name: string]: { readonly type: "string" | "boolean" };
}

interface Arguments {
  readonly values: Readonly<Record<string, string | boolean | undefined>>;
  readonly positionals: readonly string[];
}

/** Parses options strictly. Returns a text that describes the mistake instead of a result. */
export function parseArguments(args: readonly string[], options: Options): Arguments | string {
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
    // Only the first sentence: parseArgs goes on to explain positionals that begin with a dash.
    const [first] = (error instanceof Error ? error.message : String(error)).split(". ");
    return first ?? "bad arguments";
  }
}

/** Reports wrong usage: the mistake, and how to get help. */
export function usageError(command: Command, problem: string, terminal: Terminal): ExitCode {
  terminal.error(`switchyard ${command.name}: ${problem}`);
  terminal.error(`Try \`switchyard ${command.name} --help\`.`);
  return 2;
}

/** The file of a command that takes exactly one, or the problem. */
export function singleFile(positionals: readonly string[]): { file: string } | { problem: string } {
  const [file, ...more] = positionals;
  if (file === undefined)
    return { problem: "expected a configuration file, or - for standard input" };
  if (more.length > 0) return { problem: `expected one file, got ${positionals.length}` };
  return { file };
}

/** The two spellings of one wish, for all commands that print JSON. */
export const outputOptions = { json: { type: "boolean" }, format: { type: "string" } } as const;

/** Whether JSON is wanted; a text that describes the mistake. */
export function wantsJson({ json, format }: Arguments["values"]): boolean | string {
  if (format === undefined) return json === true;
  if (format !== "text" && format !== "json") {
    return `--format: expected text or json, got ${format}`;
  }
  if (format === "text" && json === true) return "--json and --format text exclude each other";
  return format === "json";
}
