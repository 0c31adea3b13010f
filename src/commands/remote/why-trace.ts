// `switchyard why ADMIN... TRACE_ID`: one trace through all hops, from what the proxies have kept.
import type { CallRecord } from "../../core/calls/record.ts";
import type { ExitCode, Terminal } from "../command.ts";
import { AdminError } from "./admin-client.ts";
import type { AdminClient } from "./admin-client.ts";
import { callLine } from "./call-line.ts";
import { fieldsOf, listOf, textOf } from "./fields.ts";
import type { Fields } from "./fields.ts";
import { treesOf } from "./hops.ts";
import type { Hop, HopTree } from "./hops.ts";
import { requestsOf } from "./pages.ts";
import { printable } from "./printable.ts";

const limit = "100";

/** 0: calls of the trace were found. */
export async function whyTrace(
  clients: readonly AdminClient[],
  trace: string,
  terminal: Terminal,
): Promise<ExitCode> {
  const found = await Promise.all(clients.map((client) => hopsOf(client, trace, terminal)));
  const hops = distinct(found.flat());
  if (hops.length === 0) {
    terminal.error(notFound(trace, clients.length));
    return 1;
  }
  const instances = new Set(hops.map(({ instance }) => instance)).size;
  terminal.out(
    `Trace ${trace}: ${counted(hops.length, "call")} at ${counted(instances, "instance")}\n`,
  );
  for (const root of treesOf(hops)) print(root, "", terminal);
  return 0;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

function notFound(trace: string, count: number): string {
  const where = count === 1 ? "The instance has" : "The instances have";
  return (
    `switchyard why: ${where} kept no call of trace ${trace}. Kept are the last calls that failed, the slowest,\n` +
    "and a sample: io.l5d.recentRequests with sampleRate: 1.0 keeps all for a while."
  );
}

/** A process that watches a fleet answers for all of it. Those that cannot be asked are named. */
async function hopsOf(
  client: AdminClient,
  trace: string,
  terminal: Terminal,
): Promise<readonly Hop[]> {
  try {
    const fleet = await fleetHops(client, trace);
    if (fleet !== null) return fleet;
    const calls = await requestsOf(client, { trace, limit });
    return calls.map((call) => ({ instance: client.name, call }));
  } catch (error) {
    terminal.error(`switchyard why: ${error instanceof Error ? error.message : String(error)}`);
    return [];
  }
}

/** null: it watches no fleet. */
async function fleetHops(client: AdminClient, trace: string): Promise<readonly Hop[] | null> {
  let page: Fields;
  try {
    page = fieldsOf(await client.json("/fleet/requests.json", { trace, limit }));
  } catch (error) {
    if (error instanceof AdminError && error.status === 404) return null;
    throw error;
  }
  return listOf(page["calls"]).map(({ instanceName, instance, call }) => ({
    instance: textOf(instanceName) ?? textOf(instance) ?? client.name,
    call: fieldsOf(call) as unknown as CallRecord,
  }));
}

/** An instance may be asked directly and through a fleet. */
function distinct(hops: readonly Hop[]): readonly Hop[] {
  const byCall = new Map<string, Hop>();
  for (const hop of hops) {
    const { id, at, remote, server } = hop.call;
    const key = `${id} ${at} ${remote} ${server}`;
    if (!byCall.has(key)) byCall.set(key, hop);
  }
  return [...byCall.values()];
}

function print({ instance, call, children }: HopTree, indent: string, terminal: Terminal): void {
  const { attempts, timing } = call;
  terminal.out(`${indent}${printable(instance)}  ${callLine(call, terminal.hasColor)}`);
  if (attempts.length > 1) {
    for (const each of attempts) {
      const what = each.failure === null ? (each.status ?? each.outcome) : each.failure.detail;
      const took = (each.endMs - each.startMs).toFixed(2);
      terminal.out(printable(`${indent}    ${each.why} ${each.endpoint}  ${took} ms  ${what}`));
    }
  }
  terminal.out(`${indent}    ${timeText(timing)}`);
  for (const child of children) print(child, `${indent}  `, terminal);
}

function timeText(timing: CallRecord["timing"]): string {
  const parts: [string, number][] = [
    ["name", timing.bindingMs],
    ["queue", timing.queueMs],
    ["connect", timing.connectMs],
    ["first byte", timing.firstByteMs],
    ["body", timing.bodyMs],
  ];
  const spent = parts
    .filter(([, ms]) => ms >= 0.01)
    .map(([what, ms]) => `${what} ${ms.toFixed(2)} ms`);
  return `time: ${spent.length === 0 ? "none" : spent.join(", ")}`;
}
