// Reads the tap of one proxy, and begins again when the connection is lost.
import { setTimeout as pause } from "node:timers/promises";
import type { CallRecord } from "../../core/calls/record.ts";
import { AdminError } from "./admin-client.ts";
import type { AdminClient } from "./admin-client.ts";

export interface TapEvents {
  call(from: AdminClient, record: CallRecord): void;
  dropped(from: AdminClient, count: number): void;
  /** Said once for each loss, and once for each return. */
  lost(from: AdminClient, why: string): void;
  found(from: AdminClient): void;
}

/** The server says every 15 s that it is there. */
const silenceMs = 40_000;
const firstPauseMs = 250;
const longestPauseMs = 5_000;
/** A record is shorter. */
const maxLineChars = 1024 * 1024;

/** Resolves when aborted, or with the reason when the server refuses what was asked. */
export async function readTap(
  client: AdminClient,
  query: Readonly<Record<string, string>>,
  events: TapEvents,
  signal: AbortSignal,
): Promise<string | null> {
  let pauseMs = firstPauseMs;
  let isLost = false;
  while (!signal.aborted) {
    try {
      for await (const line of linesOf(await client.stream("/tap", query, signal, silenceMs))) {
        if (isLost) events.found(client);
        isLost = false;
        pauseMs = firstPauseMs;
        take(line, client, events);
      }
      throw new AdminError("the connection ended", null);
    } catch (error) {
      if (signal.aborted) return null;
      const why = error instanceof Error ? error.message : String(error);
      if (error instanceof AdminError && isFinal(error.status)) return why;
      if (!isLost) events.lost(client, why);
      isLost = true;
    }
    await pause(pauseMs, undefined, { signal }).catch(() => {});
    pauseMs = Math.min(longestPauseMs, 2 * pauseMs);
  }
  return null;
}

/** Asking again would change nothing. A 503 passes: another listener may leave. */
function isFinal(status: number | null): boolean {
  return status !== null && status >= 400 && status < 500;
}

function take(line: string, client: AdminClient, events: TapEvents): void {
  if (line === "") return; // it is still there
  const read = JSON.parse(line) as CallRecord | { readonly dropped: number };
  if ("dropped" in read) events.dropped(client, read.dropped);
  else events.call(client, read);
}

async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncIterable<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > maxLineChars) throw new Error("it sent a line that is no call");
    yield* lines;
  }
}
