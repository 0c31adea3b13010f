// Recent calls of all instances, asked for when somebody wants to see them: no instance sends its ring
// unasked.
import type { Fleet } from "../fleet.ts";
import { idOf, nameOf } from "../fleet.ts";
import { isFields } from "../page/checks.ts";
import type { Follower } from "../scrape/follower.ts";
import type { FleetCall, CallRecord, FleetCalls } from "./shapes.ts";

const pageTimeoutMs = 2_000;
const maxPageBytes = 2 * 1024 * 1024;
const instancesTogether = 16;
const maxCalls = 500;

/** `query` is that of /requests.json, already encoded. */
export async function callsOf(fleet: Fleet, query: string): Promise<FleetCalls> {
  const waiting = fleet.followers().filter(({ state }) => state.name === "up");
  const asked = waiting.length;
  const calls: FleetCall[] = [];
  const missing: { instance: string; why: string }[] = [];
  const take = async () => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const found = await callsOfInstance(next, query);
      if (typeof found === "string") missing.push({ instance: nameOf(next), why: found });
      else calls.push(...found);
    }
  };
  await Promise.all(Array.from({ length: instancesTogether }, take));
  calls.sort((a, b) => (a.call.at < b.call.at ? 1 : -1));
  return { calls: calls.slice(0, limitIn(query)), asked, missing };
}

/** Each instance sends up to that many; so are shown of all together. */
function limitIn(query: string): number {
  const given = Number(new URLSearchParams(query).get("limit") ?? 100);
  return given >= 1 && given <= maxCalls ? given : maxCalls;
}

async function callsOfInstance(follower: Follower, query: string): Promise<FleetCall[] | string> {
  const page = await follower.page(`/requests.json?${query}`, pageTimeoutMs, maxPageBytes);
  if (typeof page !== "string") return page.text;
  const requests = requestsIn(page);
  if (requests === null) return "sent something else than recent calls";
  return requests
    .filter(isCall)
    .slice(0, maxCalls)
    .map((call) => ({ instance: idOf(follower), instanceName: nameOf(follower), call }));
}

function requestsIn(page: string): readonly unknown[] | null {
  try {
    const value: unknown = JSON.parse(page);
    const requests = isFields(value) ? value["requests"] : null;
    return Array.isArray(requests) ? (requests as unknown[]) : null;
  } catch {
    return null;
  }
}

function isCall(value: unknown): value is CallRecord {
  return (
    isFields(value) &&
    typeof value["id"] === "string" &&
    typeof value["at"] === "string" &&
    Number.isFinite(Date.parse(value["at"])) &&
    typeof value["durationMs"] === "number"
  );
}
