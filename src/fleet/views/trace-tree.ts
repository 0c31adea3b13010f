// Which call of a trace led to which other: by spans, by addresses, and by time where there is nothing better.
import { idOf } from "../fleet.ts";
import type { Follower } from "../scrape/follower.ts";
import { Listeners } from "./listeners.ts";
import type { Attempt, Hop } from "./trace.ts";

/** How sure it is that one call led to another. */
const bySpanOfAttempt = 4;
const byAddress = 3;
const bySpan = 2;
const byTime = 1;

/** Clocks of one machine; its records have whole milliseconds. */
const slackMs = 2;

interface Link {
  readonly parent: Hop;
  readonly attempt: Attempt | null;
  readonly isRemote: boolean;
  readonly sureness: number;
}

/** The calls that no other led to, oldest first, each with those below it. */
export function joined(hops: readonly Hop[], followers: readonly Follower[]): readonly Hop[] {
  const listeners = new Listeners(followers);
  const byId = new Map(followers.map((follower) => [idOf(follower), follower]));
  const oldestFirst = hops.toSorted((a, b) => a.wallMs - b.wallMs);
  const roots: Hop[] = [];
  for (const hop of oldestFirst) {
    const links = oldestFirst
      .filter((parent) => parent !== hop && !isBelow(parent, hop))
      .map((parent) => linkOf(parent, hop, (address) => leadsTo(parent, address, hop)));
    const best = bestOf(links);
    if (best === null) roots.push(hop);
    else best.parent.children.push({ hop, attempt: best.attempt, isRemote: best.isRemote });
  }
  return roots;

  function leadsTo(parent: Hop, address: string, child: Hop): boolean {
    const caller = byId.get(parent.found.instance);
    const listening = caller === undefined ? undefined : listeners.find(caller, address);
    return (
      listening !== undefined &&
      idOf(listening.follower) === child.found.instance &&
      listening.router.label === child.found.call["router"]
    );
  }
}

/** Of equally good ones the innermost. */
function bestOf(links: readonly (Link | null)[]): Link | null {
  const lengthOf = ({ parent }: Link) => parent.found.call.durationMs;
  const isBetter = (a: Link, b: Link) =>
    a.sureness > b.sureness || (a.sureness === b.sureness && lengthOf(a) < lengthOf(b));
  return links.reduce<Link | null>((best, link) => {
    return link !== null && (best === null || isBetter(link, best)) ? link : best;
  }, null);
}

function linkOf(parent: Hop, child: Hop, leadsTo: (address: string) => boolean): Link | null {
  const { parentId, spanId } = child.span;
  const exact = parent.attempts.find((each) => each.spanId !== null && each.spanId === parentId);
  if (exact !== undefined) return link(parent, exact, leadsTo(exact.endpoint), bySpanOfAttempt);
  const { durationMs } = child.found.call;
  if (durationMs > parent.found.call.durationMs + slackMs) return null;
  const remote = parent.attempts.find((each) => {
    return leadsTo(each.endpoint) && each.endMs - each.startMs + slackMs >= durationMs;
  });
  if (remote !== undefined) return link(parent, remote, true, byAddress);
  const own = parent.span.spanId;
  // A Thrift or mux router passes the span of its caller on: both ends have the same.
  const isSpan = own !== null && (own === parentId || own === spanId);
  if (isSpan) return link(parent, attemptAt(parent, child), false, bySpan);
  const isOfService = parent.found.instance === child.found.instance && parentId !== null;
  const attempt = isOfService ? attemptAt(parent, child) : null;
  return attempt === null ? null : link(parent, attempt, false, byTime);
}

function link(parent: Hop, attempt: Attempt | null, isRemote: boolean, sureness: number): Link {
  return { parent, attempt, isRemote, sureness };
}

/** The attempt during which a call was made, by the clocks. */
function attemptAt(parent: Hop, child: Hop): Attempt | null {
  const begunMs = child.wallMs - parent.wallMs;
  const endMs = begunMs + child.found.call.durationMs;
  const around = parent.attempts.find((each) => {
    return begunMs >= each.startMs - slackMs && endMs <= each.endMs + slackMs;
  });
  return around ?? null;
}

/** Records that name each other as parents would make a circle. */
function isBelow(hop: Hop, root: Hop): boolean {
  return root.children.some(({ hop: child }) => child === hop || isBelow(hop, child));
}
