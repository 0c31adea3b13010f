// Responses of the HTTP API: whole ones, and streams of one JSON document a line.
import type { ServerResponse } from "node:http";
import type { Clock } from "../../core/clock.ts";
import type { Live, State } from "../../core/live.ts";

export function respond(
  response: ServerResponse,
  status: number,
  body: string = "",
  headers: Readonly<Record<string, string>> = {},
): void {
  const length = status === 204 ? {} : { "content-length": Buffer.byteLength(body) };
  response.writeHead(status, { ...headers, ...length });
  response.end(response.req.method === "HEAD" ? undefined : body);
}

/** How long a response waits for what is not known yet. */
const maxWaitMs = 10_000;

/**
 * Calls `done` once with the first state that `isSettled`, or with what is known after `maxWaitMs`. It is
 * watched until `done` returns. Never called when the caller has left.
 */
export function once<T>(
  live: Live<T>,
  response: ServerResponse,
  clock: Clock,
  done: (state: State<T>) => void,
  isSettled: (state: State<T>) => boolean = ({ kind }) => kind !== "pending",
): void {
  let isOver = false;
  const finish = (state: State<T> | null) => {
    if (isOver) return;
    isOver = true;
    cancel();
    if (state !== null) done(state);
    // Within `watch` there is nothing to close yet.
    queueMicrotask(() => unwatch());
  };
  const look = (state: State<T>) => {
    if (isSettled(state)) finish(state);
  };
  const cancel = clock.after(maxWaitMs, () => finish(live.state));
  const unwatch = live.watch(look);
  response.once("close", () => finish(null));
  look(live.state);
}

/**
 * Sends a line now and for each change, until the caller leaves or the value fails. A caller who reads slowly
 * misses what was replaced meanwhile, and gets the latest. null: nothing to send.
 */
export function stream<T>(
  live: Live<T>,
  response: ServerResponse,
  headers: Readonly<Record<string, string>>,
  lineOf: (value: T) => string | null,
): void {
  let last: string | null = null;
  let isWaiting = false;
  response.writeHead(200, headers);
  response.flushHeaders();
  const send = (): void => {
    const { state } = live;
    if (response.writableEnded || state.kind === "pending") return;
    if (state.kind === "failed") {
      response.end(`${state.why.detail}\n`);
      return;
    }
    if (response.writableNeedDrain) {
      if (!isWaiting) response.once("drain", again);
      isWaiting = true;
      return;
    }
    const line = lineOf(state.value);
    if (line === null || line === last) return;
    last = line;
    response.write(`${line}\n`);
  };
  const again = (): void => {
    isWaiting = false;
    send();
  };
  const unwatch = live.watch(send);
  response.once("close", unwatch);
  send();
}
