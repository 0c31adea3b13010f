// Reads and checks the configuration that a command names.
import { readFile, stat } from "node:fs/promises";
import type { Config } from "../config/check.ts";
import type { Terminal } from "./command.ts";

/** The checked configuration of `file` (`-`: standard input); null after saying what is wrong. */
export async function loadConfig(file: string, terminal: Terminal): Promise<Config | null> {
  const name = file === "-" ? "<stdin>" : file;
  const text = await readText(file, terminal);
  if (text === null) return null;
  // All that can be configured is behind these two: loaded only by commands that read a file.
  const [{ checkConfig }, { kinds }] = await Promise.all([
    import("../config/check.ts"),
    import("../plugins.ts"),
  ]);
  const checked = checkConfig(text, name, kinds);
  for (const warning of checked.warnings) terminal.error(warning);
  if (checked.ok) return checked.config;
  for (const problem of checked.problems) terminal.error(problem);
  const count = checked.problems.length;
  terminal.error(`${name}: ${count} ${count === 1 ? "problem" : "problems"}`);
  return null;
}

async function readText(file: string, terminal: Terminal): Promise<string | null> {
  if (file === "-") return terminal.readInput();
  try {
    if (!(await stat(file)).isFile()) {
      terminal.error(`${file}: expected a file with the configuration, this is not a regular file`);
      return null;
    }
    return await readFile(file, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const reason =
      code === "ENOENT"
        ? "no such file"
        : code === "EACCES"
          ? "no permission to read it"
          : String(error);
    terminal.error(`${file}: cannot read the configuration: ${reason}`);
    return null;
  }
}
