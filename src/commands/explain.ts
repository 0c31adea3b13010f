// `switchyard explain FILE NAME`
import type { RouterConfig } from "../config/config.ts";
import { parseDtab } from "../core/names/dtab.ts";
import { parsePath } from "../core/names/path.ts";
import { outputOptions, parseArguments, usageError, wantsJson } from "./command.ts";
import { loadConfig } from "./load.ts";
import type { Command, ExitCode, Terminal } from "./command.ts";

export const explainCommand: Command = {
  name: "explain",
  summary: "Show how a name resolves: every alternative, live",
  help: `Usage: switchyard explain FILE NAME [--router LABEL] [--dtab DTAB] [--json]
       switchyard explain URL NAME [--router LABEL] [--dtab DTAB] [--json] [--token-file FILE]

Resolves NAME (such as /svc/users) as the router would, with the configured namers. Prints every lookup
with its rule, the result of each alternative, and the settings of service and client that apply to the
name. With the URL of an admin server (http://localhost:9990) the running proxy is asked, with what its namers
know at this moment. A NAME without a leading slash is appended to the router's dstPrefix: users is /svc/users.

  --router LABEL   the router whose dtab and interpreter to use; required if the file has several
  --dtab DTAB      entries appended to the router's dtab, like the l5d-dtab header of a request
  --json           the tree as JSON, in the format of the admin server's /delegator.json;
                   --format json is the same
  --token-file F   with a URL: the token of the admin server (admin.token)

Exits with 0 when a call to the name would find an address, otherwise with 1.`,
  async run(args, terminal) {
    const parsed = parseArguments(args, {
      router: { type: "string" },
      dtab: { type: "string" },
      ...outputOptions,
      "token-file": { type: "string" },
    });
    if (typeof parsed === "string") return usageError(this, parsed, terminal);
    const [file, name, ...more] = parsed.positionals;
    if (file === undefined || name === undefined || more.length > 0) {
      return usageError(this, "expected a configuration file and a name", terminal);
    }
    const { router: label, dtab: override } = parsed.values;
    const isJson = wantsJson(parsed.values);
    if (typeof isJson === "string") return usageError(this, isJson, terminal);
    if (isUrl(file)) return explainRunning(file, name, parsed.values, isJson, terminal);
    const config = await loadConfig(file, terminal);
    if (config === null) return 1;
    const router = chooseRouter(config.routers, label);
    if (typeof router === "string") return usageError(this, router, terminal);
    const dtab = typeof override === "string" ? parseDtab(override) : parseDtab("");
    if (!dtab.ok) return usageError(this, `--dtab: ${dtab.error.message}`, terminal);
    const path = parsePath(name.startsWith("/") ? name : `${router.dstPrefix}/${name}`);
    if (!path.ok) return usageError(this, `${name} is not a name: ${path.error.message}`, terminal);
    const question = { router, dtab: dtab.value, path: path.value };
    const { explainName } = await import("./explain-name.ts");
    return explainName(config, question, isJson, terminal);
  },
};

type Values = Readonly<Record<string, string | boolean | undefined>>;

async function explainRunning(
  url: string,
  name: string,
  { router, dtab, "token-file": tokenFile }: Values,
  isJson: boolean,
  terminal: Terminal,
): Promise<ExitCode> {
  const { adminClients } = await import("./remote/admin-client.ts");
  const clients = await adminClients([url], tokenFile as string | undefined);
  if (typeof clients === "string") return usageError(explainCommand, clients, terminal);
  const { explainRemote } = await import("./remote/explain-remote.ts");
  const question = {
    name,
    router: router as string | undefined,
    dtab: (dtab as string | undefined) ?? null,
  };
  const [client] = clients;
  if (client === undefined) throw new Error("bug: an address without its client");
  return explainRemote(client, question, isJson, terminal);
}

function isUrl(text: string): boolean {
  return /^https?:\/\//i.test(text);
}

function chooseRouter(
  routers: readonly RouterConfig[],
  label: string | boolean | undefined,
): RouterConfig | string {
  const labels = routers.map((router) => router.label).join(", ");
  const [only, ...others] = routers;
  if (label === undefined) {
    if (only !== undefined && others.length === 0) return only;
    return `the file has several routers; choose one with --router: ${labels}`;
  }
  return (
    routers.find((router) => router.label === label) ?? `no router '${label}'; available: ${labels}`
  );
}
