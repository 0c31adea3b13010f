// `switchyard logs cat FILE...`
import { parseArguments, usageError } from "./command.ts";
import type { Command, ExitCode, Terminal } from "./command.ts";

export const logsCommand: Command = {
  name: "logs",
  summary: "Read access logs in Avro, JSON or lines, and pick calls from them",
  help: `Usage: switchyard logs cat FILE... [--where EXPRESSION] [--json] [--follow]

Prints the calls of access logs, whatever their format: Avro, lines of JSON, or common lines, which tell less.

  --where EXPRESSION  only calls for which it holds, such as
                      'status >= 500', 'failure != null and path ~ users',
                      'outcome = failure or durationMs > 200',
                      "time >= 2024-01-31T22:00 and not router = 'admin'"
                      Fields: docs/logs.md. = != < <= > >= compare, ~ and !~ look for a part of a text;
                      and, or, not, ( ). Quotes are needed only for blanks and these signs.
  --json              one object a line, with times in ISO 8601 and without nulls
  --follow, -f        goes on when the file grows, also when it is rotated, until Ctrl-C; one FILE

Exits with 1 when a file cannot be read to its end.`,
  async run(args, terminal) {
    const short = args.map((arg) => (arg === "-f" ? "--follow" : arg));
    const parsed = parseArguments(short, {
      where: { type: "string" },
      json: { type: "boolean" },
      follow: { type: "boolean" },
    });
    if (typeof parsed === "string") return usageError(this, parsed, terminal);
    const [action, ...files] = parsed.positionals;
    const { where = "", json, follow } = parsed.values;
    if (action !== "cat") return usageError(this, "expected cat and a file", terminal);
    if (files.length === 0) return usageError(this, "expected at least one file", terminal);
    if (follow === true && files.length > 1) {
      return usageError(this, `--follow: expected one file, got ${files.length}`, terminal);
    }
    const { parseWhere } = await import("./logs/where/where.ts");
    const condition = where === "" ? () => true : parseWhere(String(where));
    if (typeof condition === "string") return usageError(this, `--where: ${condition}`, terminal);
    const { jsonOf, wordsOf } = await import("./logs/show.ts");
    const print = json === true ? jsonOf : wordsOf;
    return catAll(files, follow === true, terminal, (calls) => {
      const lines = calls.filter(condition).map(print);
      if (lines.length > 0) terminal.out(lines.join("\n"));
    });
  },
};

type Print = (calls: readonly Readonly<Record<string, unknown>>[]) => void;

/** A file that cannot be read does not keep the others from it. */
async function catAll(
  files: readonly string[],
  isFollowing: boolean,
  terminal: Terminal,
  print: Print,
): Promise<ExitCode> {
  const { followLog, readLog } = await import("./logs/log-files.ts");
  let code: ExitCode = 0;
  for (const file of files) {
    const say = (text: string) => terminal.error(`${file}: ${text}`);
    try {
      await (isFollowing ? followLog : readLog)(file, { calls: print, remark: say });
    } catch (error) {
      say(problemOf(error));
      code = 1;
    }
  }
  return code;
}

function problemOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "ENOENT") return "there is no such file";
  return code === "EACCES" ? "it may not be read by this user" : message;
}
