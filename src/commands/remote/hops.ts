// Which call led to which: the calls of one trace as a tree.
import type { CallRecord, RecordedAttempt } from "../../core/calls/record.ts";

/** One call, and where it was kept. */
export interface Hop {
  readonly instance: string;
  readonly call: CallRecord;
}

export interface HopTree extends Hop {
  readonly children: readonly HopTree[];
}

/** By so much the clocks of two hosts may differ. */
const skewMs = 1_000;

/** Oldest first. */
export function treesOf(hops: readonly Hop[]): readonly HopTree[] {
  const sorted = [...hops].sort((a, b) => (a.call.at < b.call.at ? -1 : 1));
  const parents = new Map<Hop, Hop>();
  for (const hop of sorted) {
    const above = sorted.filter((each) => each !== hop && !isAbove(parents, hop, each));
    const parent = above.find((each) => isParent(each, hop)) ?? innermost(above, hop);
    if (parent !== undefined) parents.set(hop, parent);
  }
  const below = (parent: Hop | undefined): readonly HopTree[] =>
    sorted
      .filter((hop) => parents.get(hop) === parent)
      .map((hop) => ({ ...hop, children: below(hop) }));
  return below(undefined);
}

/** Records that claim to be each other's parents must not make a circle. */
function isAbove(parents: ReadonlyMap<Hop, Hop>, hop: Hop, other: Hop): boolean {
  for (let each: Hop | undefined = other; each !== undefined; each = parents.get(each)) {
    if (each === hop) return true;
  }
  return false;
}

function isParent(parent: Hop, hop: Hop): boolean {
  const parentId = hop.call.trace?.parentId ?? null;
  if (parentId !== null && parentId === parent.call.trace?.spanId) return true;
  if (parentId !== null && parent.call.attempts.some(({ spanId }) => spanId === parentId)) {
    return true;
  }
  return parent.call.attempts.some((attempt) => isItsCall(parent.call, attempt, hop.call));
}

/** A service calls through the proxy that called it: of the calls there that were under way, the shortest. */
function innermost(hops: readonly Hop[], { instance, call }: Hop): Hop | undefined {
  if ((call.trace?.parentId ?? null) === null) return undefined;
  const endUs = (each: CallRecord) => each.startedUs + each.durationMs * 1_000;
  return hops
    .filter((each) => each.instance === instance)
    .filter((each) => each.call.startedUs <= call.startedUs && endUs(call) <= endUs(each.call))
    .sort((a, b) => a.call.durationMs - b.call.durationMs)[0];
}

/** The attempt went to the server that took the call, at that time. */
function isItsCall(call: CallRecord, attempt: RecordedAttempt, taken: CallRecord): boolean {
  if (!isAddressOf(attempt.endpoint, taken.server)) return false;
  const begunMs = Date.parse(call.at);
  const takenMs = Date.parse(taken.at);
  return (
    takenMs >= begunMs + attempt.startMs - skewMs && takenMs <= begunMs + attempt.endMs + skewMs
  );
}

/** A server that listens on all addresses has any of them. */
function isAddressOf(endpoint: string, server: string): boolean {
  if (endpoint === server) return true;
  const isWildcard = /^(0\.0\.0\.0|\[::\]):/.test(server);
  return isWildcard && portOf(endpoint) === portOf(server);
}

function portOf(address: string): string {
  return address.slice(address.lastIndexOf(":"));
}
