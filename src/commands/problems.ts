// `switchyard problems ADMIN...`
import { parseArguments, usageError } from "./command.ts";
import type { ProblemsPage } from "./remote/problem-lines.ts";
import type { Command, ExitCode } from "./command.ts";

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
    const { printProblems } = await import("./remote/problem-lines.ts");
    const clients = await adminClients(positionals, values["token-file"] as string | undefined);
    if (typeof clients === "string") return usageError(this, clients, terminal);
    let code: ExitCode = 0;
    for (const client of clients) {
      try {
        const page = (await client.json("/problems.json")) as ProblemsPage;
        if (values["json"] === true)
          terminal.out(JSON.stringify({ instance: client.name, ...page }));
        else printProblems(client.name, page, clients.length > 1, terminal);
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
