// `switchyard cert init|issue|show`
import { parseArguments, usageError } from "./command.ts";
import type { Command, ExitCode, Terminal } from "./command.ts";

const options = {
  folder: { type: "string" },
  name: { type: "string" },
  days: { type: "string" },
  force: { type: "boolean" },
  ca: { type: "string" },
} as const;

type Values = Readonly<Record<string, string | boolean | undefined>>;

const maxDays = 36_500;

export const certCommand: Command = {
  name: "cert",
  summary: "Make certificates without a CA of one's own, or explain a chain",
  help: `Usage: switchyard cert init [--folder DIR] [--name NAME] [--days N] [--force]
       switchyard cert issue NAME[,NAME...]... [--folder DIR] [--days N] [--force]
       switchyard cert show FILE|HOST:PORT [--name NAME] [--ca FILE]

init makes a small CA: ca.pem, which everybody may have, and ca.key, which nobody else may. 10 years.
issue makes a certificate and its key for each argument: DNS names, IP addresses or URIs, joined with
commas where one certificate has several. Files are called after the first name: users.example.com.pem
and .key. 30 days. With --force it renews: a running proxy reads the new files within seconds.
show explains the chain in a file, or the one that a server presents: names, issuer, validity, key,
and what is wrong with it.

  --folder DIR   where the files are; certs unless given
  --name NAME    of the CA; for show: the name to ask for (SNI), which the certificate has to have
  --days N       how long it is valid
  --force        replaces files that exist
  --ca FILE      CAs that are trusted; the system's unless given

All keys are ECDSA with P-256; all files are readable by their owner alone.
Exits with 0; with 1 when show finds a problem, or a file cannot be written.`,
  async run(args, terminal) {
    const parsed = parseArguments(args, options);
    if (typeof parsed === "string") return usageError(this, parsed, terminal);
    const [order, ...names] = parsed.positionals;
    const { values } = parsed;
    try {
      if (order === "init" && names.length === 0) return await init(values, terminal);
      if (order === "issue" && names.length > 0) return await issueAll(names, values, terminal);
      const [place] = names;
      if (order === "show" && place !== undefined && names.length === 1) {
        return await show(place, values, terminal);
      }
    } catch (error) {
      terminal.error(`switchyard cert: ${error instanceof Error ? error.message : String(error)}`);
      return 1;
    }
    return usageError(this, "expected init, issue NAME..., or show FILE|HOST:PORT", terminal);
  },
};

async function init(values: Values, terminal: Terminal): Promise<ExitCode> {
  const { initAuthority } = await import("./cert/folder.ts");
  const made = initAuthority(textOf(values["name"], "switchyard CA"), optionsOf(values, 3_650));
  terminal.out(`${made.certPath}: a CA, valid until ${made.notAfter.toISOString()}`);
  terminal.out(`${made.keyPath}: its key; whoever has it can pass for every service`);
  return 0;
}

async function issueAll(
  names: readonly string[],
  values: Values,
  terminal: Terminal,
): Promise<ExitCode> {
  const { issue } = await import("./cert/folder.ts");
  const how = optionsOf(values, 30);
  for (const each of names) {
    const list = each.split(",");
    const { certPath, keyPath, notAfter } = issue(list, how);
    terminal.out(
      `${certPath}, ${keyPath}: for ${list.join(", ")}, valid until ${notAfter.toISOString()}`,
    );
  }
  return 0;
}

async function show(place: string, values: Values, terminal: Terminal): Promise<ExitCode> {
  const [{ explainChain }, { chainAt }] = await Promise.all([
    import("./cert/explain-chain.ts"),
    import("./cert/chain.ts"),
  ]);
  const name = values["name"];
  const chain = await chainAt(place, {
    name: typeof name === "string" ? name : null,
    caPath: typeof values["ca"] === "string" ? values["ca"] : null,
  });
  const { lines, problems } = explainChain(chain, Date.now());
  for (const line of lines) terminal.out(line);
  for (const problem of problems) terminal.error(`problem: ${problem}`);
  return problems.length === 0 ? 0 : 1;
}

function optionsOf(values: Values, usualDays: number) {
  const days = values["days"] === undefined ? usualDays : Number(values["days"]);
  if (!Number.isInteger(days) || days < 1 || days > maxDays) {
    throw new Error(
      `--days: expected a whole number from 1 to ${maxDays}, got ${String(values["days"])}`,
    );
  }
  const folder = textOf(values["folder"], "certs");
  return { folder, days, force: values["force"] === true, nowMs: Date.now() };
}

function textOf(value: string | boolean | undefined, usual: string): string {
  return typeof value === "string" && value !== "" ? value : usual;
}
