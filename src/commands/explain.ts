// `switchyard explain FILE NAME`
import type { RouterConfig } from "../config/config.ts";
import { parseDtab } from "../core/names/dtab.ts";
import { parsePath } from "../core/names/path.ts";
import { misused, readArguments } from "./command.ts";
import { loadConfig } from "./load.ts";
import type { Command } from "./command.ts";

export const explainCommand: Command = {
  name: "explain",
  summary: "Show how a name resolves: every alternative, live",
  help: `Usage: switchyard explain FILE NAME [--router LABEL] [--dtab DTAB] [--json]

Resolves NAME (such as /svc/users) as the router would, asking the configured namers, and prints what
was looked up, by which rule, what each alternative gave, and which settings of service and client
hold for the name. A NAME that does not begin with a slash
is taken as the last part of the router's dstPrefix: users is /svc/users.

  --router LABEL   the router whose dtab and interpreter to use; needed if the file has several
  --dtab DTAB      overrides behind the router's dtab, as the l5d-dtab header of a request
  --json           the tree as JSON, as /delegator.json of the admin server gives it

Exits with 0 when a call of the name would find an address, else with 1.`,
  async run(args, terminal) {
    const parsed = readArguments(args, {
      router: { type: "string" },
      dtab: { type: "string" },
      json: { type: "boolean" },
    });
    if (typeof parsed === "string") return misused(this, parsed, terminal);
    const [file, name, ...more] = parsed.positionals;
    if (file === undefined || name === undefined || more.length > 0) {
      return misused(this, "expected a configuration file and a name", terminal);
    }
    const config = await loadConfig(file, terminal);
    if (config === null) return 1;
    const { router: label, dtab: override, json } = parsed.values;
    const router = chooseRouter(config.routers, label);
    if (typeof router === "string") return misused(this, router, terminal);
    const dtab = typeof override === "string" ? parseDtab(override) : parseDtab("");
    if (!dtab.ok) return misused(this, `--dtab: ${dtab.error.message}`, terminal);
    const path = parsePath(name.startsWith("/") ? name : `${router.dstPrefix}/${name}`);
    if (!path.ok) return misused(this, `${name} is not a name: ${path.error.message}`, terminal);
    const question = { router, dtab: dtab.value, path: path.value };
    const { explainName } = await import("./explain-name.ts");
    return explainName(config, question, json === true, terminal);
  },
};

function chooseRouter(
  routers: readonly RouterConfig[],
  label: string | boolean | undefined,
): RouterConfig | string {
  const labels = routers.map((router) => router.label).join(", ");
  const [only, ...others] = routers;
  if (label === undefined) {
    if (only !== undefined && others.length === 0) return only;
    return `the file has several routers, choose one with --router: ${labels}`;
  }
  return (
    routers.find((router) => router.label === label) ?? `no router '${label}'; there is: ${labels}`
  );
}
