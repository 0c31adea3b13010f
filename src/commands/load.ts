// Reads and checks the configuration file of a command.
import { readFile, stat } from "node:fs/promises";
import type { Config } from "../config/check.ts";
import type { Terminal } from "./command.ts";

/** The checked configuration of `file` (`-`: standard input); null after its problems were printed. */
export async function loadConfig(file: string, terminal: Terminal): Promise<Config | null> {
  const name = file === "-" ? "<stdin>" : file;
  const text = await readText(file, terminal);
  if (text === null) return null;
  // These two bring in everything that can be configured, so only commands that read a file load them.
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
      terminal.error(`${file}: expected a configuration file, but this is not a regular file`);
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
