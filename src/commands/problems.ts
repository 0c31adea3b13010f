// `switchyard problems ADMIN...`
import { parseArguments, usageError } from "./command.ts";
import type { Command, ExitCode, Terminal } from "./command.ts";
import { printable } from "./remote/printable.ts";

export const problemsCommand: Command = {
  name: "problems",
  summary: "Print what is wrong in running proxies, worst first",
  help: `Usage: switchyard problems ADMIN... [--token-file FILE] [--json]

Asks the admin server of each running proxy (localhost:9990, or a URL) for what is wrong now: dead endpoints,
names without addresses, discovery that cannot be asked, limits, failing services, certificates. Each problem is
a sentence with numbers, followed by its place in the configuration and by what to do.

  --token-file FILE  the token of the admin servers (admin.token)
  --json             the pages as they are, one a line: see docs/admin.md

Exits with 1 when a proxy has a critical problem or cannot be asked, otherwise with 0.`,
  async run(args, terminal) {
    const parsed = parseArguments(args, {
      "token-file": { type: "string" },
      json: { type: "boolean" },
    });
    if (typeof parsed === "string") return usageError(this, parsed, terminal);
    const { positionals, values } = parsed;
    const { adminClients, AdminError } = await import("./remote/admin-client.ts");
    const clients = await adminClients(positionals, values["token-file"] as string | undefined);
    if (typeof clients === "string") return usageError(this, clients, terminal);
    let code: ExitCode = 0;
    for (const client of clients) {
      try {
        const page = (await client.json("/problems.json")) as ProblemsPage;
        if (values["json"] === true)
          terminal.out(JSON.stringify({ instance: client.name, ...page }));
        else print(client.name, page, clients.length > 1, terminal);
        if (page.problems.some(({ severity }) => severity === "critical")) code = 1;
      } catch (error) {
        if (!(error instanceof AdminError)) throw error;
        terminal.error(`switchyard problems: ${error.message}`);
        code = 1;
      }
    }
    return code;
  },
};

/** As much of `/problems.json` as is printed. */
interface ProblemsPage {
  readonly problems: readonly {
    readonly severity: string;
    readonly text: string;
    readonly since: string;
    readonly where: { readonly file: string; readonly line: number } | null;
    readonly advice: string;
  }[];
  readonly more: number;
  readonly looked: readonly string[];
}

const colours: Readonly<Record<string, string>> = {
  critical: "\u001b[31m",
  warning: "\u001b[33m",
  notice: "\u001b[36m",
};

function print(admin: string, page: ProblemsPage, isNamed: boolean, terminal: Terminal): void {
  const { problems, more, looked } = page;
  if (isNamed) terminal.out(`${admin}:`);
  for (const { severity, text, since, where, advice } of problems) {
    const colour = terminal.hasColor ? (colours[severity] ?? "") : "";
    const label = colour === "" ? severity : `${colour}${severity}\u001b[0m`;
    const place = where === null ? "" : `${where.file}:${where.line}, `;
    terminal.out(`${label}: ${printable(text)}`);
    terminal.out(`  ${printable(place)}since ${since}`);
    terminal.out(`  ${printable(advice)}`);
  }
  if (more > 0) terminal.out(`and ${more} more`);
  if (problems.length === 0) terminal.out(`no problems; looked at ${looked.join(", ")}`);
}
