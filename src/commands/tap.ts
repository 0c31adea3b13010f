// `switchyard tap ADMIN...`
import { parseArguments, usageError } from "./command.ts";
import type { Command } from "./command.ts";

/** Options that are parameters of the page, by their names. */
const parameters: Readonly<Record<string, string>> = {
  router: "router",
  dst: "name",
  name: "name",
  client: "client",
  endpoint: "endpoint",
  method: "method",
  status: "status",
  trace: "trace",
  rate: "rate",
};

export const tapCommand: Command = {
  name: "tap",
  summary: "Show the calls of running proxies as they end",
  help: `Usage: switchyard tap ADMIN... [options]

Prints each call of the proxies whose admin servers are at ADMIN (localhost:9990, http://host:9990), until
Ctrl-C or --count. Several are shown together; one that stops is asked again until it is back.

  --router LABEL     calls of one router
  --dst NAME         calls to a logical name or any name below it: /svc/users (also --name)
  --client ID        calls with an attempt at a bound name: /#/io.l5d.fs/users
  --endpoint ADDR    calls with an attempt at an endpoint: 10.0.0.1:8080
  --method METHOD    GET, or the method of Thrift as it is sent
  --status STATUS    502, 5xx, application_exception, nack
  --failed           calls that failed, whatever their status
  --slower-than MS   calls that took at least so long: 100, 100ms, 2s
  --trace ID         calls of one trace
  --rate N           at most N calls a second from each proxy (100); the others are counted
  --count N          ends after N calls
  --token-file FILE  the token of the admin servers (admin.token)
  --json             one object a line, as /tap sends it, with "instance"

Nothing is done for a call while nobody taps. Exits with 1 when no proxy accepts what was asked.`,
  async run(args, terminal) {
    const parsed = parseArguments(args, {
      ...Object.fromEntries(Object.keys(parameters).map((name) => [name, { type: "string" }])),
      failed: { type: "boolean" },
      "slower-than": { type: "string" },
      count: { type: "string" },
      "token-file": { type: "string" },
      json: { type: "boolean" },
    });
    if (typeof parsed === "string") return usageError(this, parsed, terminal);
    const { values, positionals } = parsed;
    const query = queryOf(values);
    if (typeof query === "string") return usageError(this, query, terminal);
    const count = countOf(values["count"]);
    if (count === null) return usageError(this, "--count: expected a number of calls", terminal);
    const { adminClients } = await import("./remote/admin-client.ts");
    const clients = await adminClients(positionals, values["token-file"] as string | undefined);
    if (typeof clients === "string") return usageError(this, clients, terminal);
    const { tapAll } = await import("./remote/tap-all.ts");
    return tapAll(clients, query, { count, isJson: values["json"] === true }, terminal);
  },
};

type Values = Readonly<Record<string, string | boolean | undefined>>;

function queryOf(values: Values): Record<string, string> | string {
  const query: Record<string, string> = {};
  for (const [option, parameter] of Object.entries(parameters)) {
    const value = values[option];
    if (typeof value === "string") query[parameter] = value;
  }
  if (values["failed"] === true) query["failed"] = "true";
  const slower = values["slower-than"];
  if (typeof slower !== "string") return query;
  const match = /^(\d+(?:\.\d+)?)(ms|s)?$/.exec(slower);
  if (match === null) return `--slower-than: expected a time such as 100ms, not ${slower}`;
  query["minMs"] = String(Number(match[1]) * (match[2] === "s" ? 1_000 : 1));
  return query;
}

function countOf(text: string | boolean | undefined): number | null {
  if (text === undefined) return Infinity;
  return typeof text === "string" && /^[1-9]\d{0,8}$/.test(text) ? Number(text) : null;
}
