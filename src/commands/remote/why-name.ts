// `switchyard why ADMIN NAME`: all that a running proxy knows of a name, on one screen.
import type { Delegation } from "../../core/naming.ts";
import { childrenOf, reachesAddress } from "../../naming/binding/delegation.ts";
import { traceText } from "../../naming/binding/trace.ts";
import type { ExitCode, Terminal } from "../command.ts";
import type { AdminClient } from "./admin-client.ts";
import { callLine } from "./call-line.ts";
import { endpointLines } from "./endpoint-lines.ts";
import type { RemoteQuestion } from "./explain-remote.ts";
import {
  chosenRouter,
  delegationOf,
  endpointsOf,
  nameIn,
  policyLines,
  problemLines,
  requestsOf,
  routersOf,
  shownDtab,
} from "./pages.ts";
import type { RemoteRouter } from "./pages.ts";
import { printable } from "./printable.ts";

/** One screen: of more clients and calls than these the rest is counted. */
const maxClients = 5;
const maxCalls = 5;
const maxProblems = 5;
const maxDtabChars = 300;

/** 0: a call would find an address. */
export async function whyName(
  client: AdminClient,
  { name, router: label, dtab }: RemoteQuestion,
  terminal: Terminal,
): Promise<ExitCode> {
  const router = chosenRouter(await routersOf(client), label);
  if (typeof router === "string") throw new Error(`${client.url}: ${router}`);
  const path = nameIn(router, name);
  const { delegation } = await delegationOf(client, router, path, dtab);
  terminal.out(`${path} at ${client.name}, router ${router.label} (${router.protocol})`);
  terminal.out(printable(dtabLine(router, dtab)));
  section(terminal, "How it resolves now", [traceText(delegation, { colour: terminal.hasColor })]);
  const ids = usedIds(delegation);
  const problems = await problemLines(client, router, [path, ...ids]);
  if (problems.length > 0) section(terminal, "Problems", problems.slice(0, maxProblems));
  section(terminal, "Endpoints", await healthLines(client, router, ids));
  section(terminal, "Last failures", await failureLines(client, router, path, terminal));
  section(terminal, "Settings", await policyLines(client, router, path));
  return reachesAddress(delegation) ? 0 : 1;
}

function dtabLine({ dtab, interpreter }: RemoteRouter, extra: string | null): string {
  const own = dtab === "" ? "an empty dtab" : `dtab ${shortened(shownDtab(dtab))}`;
  const more = extra === null ? "" : `, and ${shortened(extra)} from the caller`;
  const by = interpreter === "default" ? "" : `, by ${interpreter}, which may add entries`;
  return `  ${own}${more}${by}`;
}

function shortened(text: string): string {
  return text.length <= maxDtabChars ? text : `${text.slice(0, maxDtabChars)}…`;
}

function section(terminal: Terminal, title: string, lines: readonly string[]): void {
  terminal.out(`\n${terminal.hasColor ? `\u001b[1m${title}\u001b[0m` : title}`);
  for (const line of lines.flatMap((each) => each.split("\n"))) terminal.out(`  ${line}`);
}

/** Those that calls reach: not the alternatives behind them. */
function usedIds(delegation: Delegation): readonly string[] {
  const { type, bound, alt } = delegation;
  if (type === "leaf") return bound === undefined ? [] : [bound.id];
  const children = childrenOf(delegation);
  if (alt === undefined) return [...new Set(children.flatMap(usedIds))];
  for (const child of children) {
    const ids = usedIds(child);
    if (ids.length > 0) return ids;
  }
  return [];
}

async function healthLines(
  client: AdminClient,
  router: RemoteRouter,
  ids: readonly string[],
): Promise<readonly string[]> {
  if (ids.length === 0) return ["none: the name leads to no client"];
  const lines: string[] = [];
  for (const id of ids.slice(0, maxClients)) {
    lines.push(...endpointLines(id, await endpointsOf(client, router, id)));
  }
  const rest = ids.length - maxClients;
  return rest > 0 ? [...lines, `... and ${rest} more clients`] : lines;
}

async function failureLines(
  client: AdminClient,
  { label }: RemoteRouter,
  name: string,
  { hasColor }: Terminal,
): Promise<readonly string[]> {
  const query = { router: label, name, failed: "true", limit: String(maxCalls) };
  const calls = await requestsOf(client, query);
  if (calls.length === 0) return ["none that is kept"];
  return calls.map((call) => callLine(call, hasColor));
}
