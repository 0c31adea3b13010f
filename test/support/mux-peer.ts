// Mux callers and services of tests: the demo's, which know nothing of protocols/mux.
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { dialMux, type ClientOptions, type MuxClient } from "../../demo/mux/client.ts";
import {
  MuxServiceSession,
  usualOptions,
  type MuxCall,
  type ServiceOptions,
} from "../../demo/mux/server.ts";

export { dispatchBody, initBody } from "../../demo/mux/message.ts";
export type { MuxClient } from "../../demo/mux/client.ts";
export type { MuxCall } from "../../demo/mux/server.ts";

interface CallerOptions extends ClientOptions {
  /** Shakes hands, and takes fragments of this size; null: it does not. */
  readonly maxFragment?: number | null;
}

export async function muxClient(
  t: TestContext,
  port: number,
  options: CallerOptions = {},
): Promise<MuxClient> {
  const client = dialMux(port, options);
  t.after(() => client.socket.destroy());
  const { maxFragment = null } = options;
  if (maxFragment !== null) await client.shakeHands(maxFragment);
  return client;
}

export interface MuxService {
  readonly port: number;
  readonly sessions: readonly MuxServiceSession[];
  /** Calls so far, the latest 1,000 kept. */
  readonly calls: readonly MuxCall[];
  readonly count: number;
  /** Resolves when `isTrue`, looked at with each message, connection and close. */
  when(isTrue: () => boolean): Promise<void>;
  /** Takes no more connections; those that are open stay. */
  stopListening(): void;
  stop(): void;
}

/** A service on a free port that responses as told; with a text: `<text><payload>`. */
export async function muxService(
  t: TestContext,
  response: string | ((call: MuxCall) => void),
  options: ServiceOptions = {},
): Promise<MuxService> {
  const all = { ...usualOptions, ...options };
  const sessions: MuxServiceSession[] = [];
  const calls: MuxCall[] = [];
  const watchers = new Set<() => void>();
  let count = 0;
  const changed = () => {
    for (const look of Array.from(watchers)) look();
  };
  const handle = (call: MuxCall) => {
    count++;
    if (calls.length < 1_000) calls.push(call);
    if (typeof response === "string") call.ok(response + call.text);
    else response(call);
  };
  const server = createServer({ noDelay: true }, (socket) => {
    sessions.push(new MuxServiceSession(socket, all, handle, changed));
    changed();
  });
  const stop = () => {
    server.close();
    for (const { socket } of sessions) socket.destroy();
  };
  t.after(stop);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    sessions,
    calls,
    get count() {
      return count;
    },
    when: (isTrue) =>
      new Promise((resolve) => {
        const look = () => {
          if (!isTrue()) return;
          watchers.delete(look);
          resolve();
        };
        watchers.add(look);
        look();
      }),
    stopListening: () => void server.close(),
    stop,
  };
}
