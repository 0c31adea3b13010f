// The taps of several proxies, printed as one.
import type { CallRecord } from "../../core/calls/record.ts";
import type { ExitCode, Terminal } from "../command.ts";
import type { AdminClient } from "./admin-client.ts";
import { callLine } from "./call-line.ts";
import { readTap } from "./tap-reader.ts";

interface TapOptions {
  /** Ends after so many calls; Infinity: never. */
  readonly count: number;
  readonly isJson: boolean;
}

/** Ends with Ctrl-C, or when the count is reached. */
export async function tapAll(
  clients: readonly AdminClient[],
  query: Readonly<Record<string, string>>,
  { count, isJson }: TapOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const stop = new AbortController();
  const interrupted = () => stop.abort();
  process.once("SIGINT", interrupted);
  process.once("SIGTERM", interrupted);
  const isSeveral = clients.length > 1;
  const say = (from: AdminClient, text: string) => {
    terminal.error(`-- ${isSeveral ? `${from.name}: ` : ""}${text}`);
  };
  let shown = 0;
  const events = {
    call(from: AdminClient, record: CallRecord) {
      if (stop.signal.aborted) return;
      if (isJson) terminal.out(JSON.stringify({ instance: from.name, ...record }));
      else {
        const line = callLine(record, terminal.hasColor);
        terminal.out(isSeveral ? `${from.name}  ${line}` : line);
      }
      if (++shown >= count) stop.abort();
    },
    dropped: (from: AdminClient, n: number) => say(from, `${n} more calls are not shown (--rate)`),
    lost: (from: AdminClient, why: string) => say(from, `${why}; asking again until it is back`),
    found: (from: AdminClient) => say(from, "it is back"),
  };
  const refusals = await Promise.all(
    clients.map(async (client) => {
      const why = await readTap(client, query, events, stop.signal);
      if (why !== null) terminal.error(`switchyard tap: ${why}`);
      return why;
    }),
  );
  process.removeListener("SIGINT", interrupted);
  process.removeListener("SIGTERM", interrupted);
  return refusals.every((why) => why !== null) ? 1 : 0;
}
