// The health of a client's endpoints, one line each, those in trouble first.
import { fieldsOf, listOf, numberOf, textOf } from "./fields.ts";
import type { Fields } from "./fields.ts";
import { printable } from "./printable.ts";

const maxEndpoints = 12;

/** `client` as in /endpoints.json; null: the proxy has no such page; empty: it has not called the client. */
export function endpointLines(id: string, client: Fields | null): readonly string[] {
  if (client === null) return [`${id}  (this version has no page of endpoints)`];
  const endpoints = listOf(client["endpoints"]);
  if (textOf(client["state"]) === null) return [`${id}  no call has gone there yet`];
  const sorted = [...endpoints].sort((a, b) => Number(isWell(a)) - Number(isWell(b)));
  const lines = sorted.slice(0, maxEndpoints).map((each) => `  ${endpointLine(each)}`);
  const rest = endpoints.length - maxEndpoints;
  if (rest > 0) lines.push(`  ... and ${rest} more endpoints`);
  return [`${id}  ${clientText(client, endpoints)}`, ...lines];
}

function isWell({ state, lastError }: Fields): boolean {
  return state === "open" && (lastError === null || lastError === undefined);
}

function clientText(client: Fields, endpoints: readonly Fields[]): string {
  const { ageMs, problem } = fieldsOf(client["source"]);
  const open = endpoints.filter(({ state }) => state === "open").length;
  const age = numberOf(ageMs);
  const said =
    age === null ? "discovery has not said anything yet" : `discovery said so ${ago(age)}`;
  const why = textOf(problem);
  const parts = [`${String(client["state"])}, ${open} of ${endpoints.length} endpoints open`, said];
  if (why !== null) parts.push(`now: ${why}`);
  return printable(parts.join("; "));
}

function endpointLine(endpoint: Fields): string {
  const { address, state, sinceMs, lastError, nextProbeMs, latencyMs, lastMinute } = endpoint;
  const since = numberOf(sinceMs);
  const parts = [
    `${String(address)}  ${String(state)}${since === null ? "" : ` for ${duration(since)}`}`,
  ];
  const { at, text } = fieldsOf(lastError);
  if (textOf(text) !== null)
    parts.push(`last error: ${String(text)} (${String(at).slice(11, 19)})`);
  const probe = numberOf(nextProbeMs);
  if (probe !== null) {
    parts.push(probe === 0 ? "the next call probes it" : `next probe in ${duration(probe)}`);
  }
  const { requests, successRate } = fieldsOf(lastMinute);
  const count = numberOf(requests) ?? 0;
  const rate = numberOf(successRate);
  if (count > 0 && rate !== null) {
    parts.push(`${count} calls in the last minute, ${Math.floor(rate * 1_000) / 10}% good`);
  }
  const latency = numberOf(latencyMs);
  if (latency !== null) parts.push(`${latency.toFixed(1)} ms`);
  return printable(parts.join("; "));
}

function ago(ms: number): string {
  return `${duration(ms)} ago`;
}

function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${Math.round(ms / 100) / 10} s`;
  return ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`;
}
