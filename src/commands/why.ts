// `switchyard why ADMIN... (NAME | TRACE_ID)`
import { parseArguments, usageError } from "./command.ts";
import type { Command } from "./command.ts";

const traceId = /^(?:[0-9a-f]{16}){1,2}$/i;

export const whyCommand: Command = {
  name: "why",
  summary: "Ask running proxies what becomes of a name, or became of a call",
  help: `Usage: switchyard why ADMIN NAME [--router LABEL] [--dtab DTAB]
       switchyard why ADMIN... TRACE_ID [--fleet URL]

Asks the proxy whose admin server is at ADMIN (localhost:9990, http://host:9990).

For a NAME such as /svc/users (or users, which is appended to the router's dstPrefix): how it resolves now and
with which dtab, the health of the endpoints that calls reach, the last calls that failed, and the settings that apply.

For a TRACE_ID (16 or 32 hexadecimal digits, such as the request id of an error or l5d-reqid): every call of
that trace that the proxies have kept, hop by hop, with attempts and where the time went.

  --router LABEL     the router that is meant; required if the proxy has several
  --dtab DTAB        entries appended to the router's dtab, like the l5d-dtab header of a request
  --fleet URL        also asks all instances that a process with a section fleet watches
  --token-file FILE  the token of the admin servers (admin.token)

Exits with 0 when a call to the name would find an address, or calls of the trace were found; otherwise with 1.`,
  async run(args, terminal) {
    const parsed = parseArguments(args, {
      router: { type: "string" },
      dtab: { type: "string" },
      fleet: { type: "string" },
      "token-file": { type: "string" },
    });
    if (typeof parsed === "string") return usageError(this, parsed, terminal);
    const { fleet, router, dtab, "token-file": tokenFile } = parsed.values as Values;
    const what = parsed.positionals.at(-1);
    const addresses = parsed.positionals.slice(0, -1);
    if (fleet !== undefined) addresses.push(fleet);
    if (what === undefined || addresses.length === 0) {
      return usageError(this, "expected an admin server and a name or trace id", terminal);
    }
    const { adminClients } = await import("./remote/admin-client.ts");
    const clients = await adminClients(addresses, tokenFile);
    if (typeof clients === "string") return usageError(this, clients, terminal);
    if (traceId.test(what)) {
      const { whyTrace } = await import("./remote/why-trace.ts");
      return whyTrace(clients, what.toLowerCase(), terminal);
    }
    const [client, ...others] = clients;
    if (client === undefined || others.length > 0) {
      return usageError(this, "a name is asked of one proxy; several are for a trace id", terminal);
    }
    try {
      const { whyName } = await import("./remote/why-name.ts");
      return await whyName(client, { name: what, router, dtab: dtab ?? null }, terminal);
    } catch (error) {
      terminal.error(`switchyard why: ${error instanceof Error ? error.message : String(error)}`);
      return 1;
    }
  },
};

type Values = Readonly<Record<string, string | undefined>>;
