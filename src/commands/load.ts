// Reads and checks the configuration file of a command.
import { readFile, stat } from "node:fs/promises";
import type { Config } from "../config/check.ts";
import type { Terminal } from "./command.ts";
import { printReports, promote, summaryOf } from "./report.ts";
import type { FileCheck } from "./report.ts";

/** The configuration of `file` to run with; null after its problems were printed. */
export async function loadConfig(file: string, terminal: Terminal): Promise<Config | null> {
  const check = promote(await checkFile(file, terminal), ({ preventsRun }) => preventsRun);
  printReports(check, terminal);
  if (check.config === null) terminal.error(`${check.file}: ${summaryOf(check)}`);
  return check.config;
}

/** Reads and checks `file` (`-`: standard input). */
export async function checkFile(file: string, terminal: Terminal): Promise<FileCheck> {
  const name = file === "-" ? "<stdin>" : file;
  const read = await readText(file, terminal);
  if (!read.ok) {
    const error = { line: null, column: null, path: "", message: read.problem };
    return { file: name, config: null, errors: [error], warnings: [] };
  }
  // These two bring in everything that can be configured, so only commands that read a file load them.
  const [{ checkText }, { kinds }] = await Promise.all([
    import("../config/check.ts"),
    import("../plugins.ts"),
  ]);
  const checked = checkText(read.text, kinds, name);
  const { warnings } = checked;
  return checked.ok
    ? { file: name, config: checked.config, errors: [], warnings }
    : { file: name, config: null, errors: checked.errors, warnings };
}

type Read =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly problem: string };

async function readText(file: string, terminal: Terminal): Promise<Read> {
  if (file === "-") return { ok: true, text: await terminal.readInput() };
  try {
    if ((await stat(file)).isFile()) return { ok: true, text: await readFile(file, "utf8") };
    const problem = "expected a configuration file, but this is not a regular file";
    return { ok: false, problem };
  } catch (error) {
    return { ok: false, problem: `cannot read the configuration: ${reasonOf(error)}` };
  }
}

function reasonOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOENT") return "no such file";
  return code === "EACCES" ? "no permission to read it" : String(error);
}
