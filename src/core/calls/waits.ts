// Where a call had to wait before it was sent: noted only for the few calls that do.
import type { Request } from "../request.ts";

/** Milliseconds. */
export interface CallWaits {
  /** For a binding, or for addresses. */
  bindingMs: number;
  /** For a connection in use. */
  queueMs: number;
  /** For a new connection. */
  connectMs: number;
}

export type WaitKind = keyof CallWaits;

export function noteWait(request: Request, kind: WaitKind, waitedMs: number): void {
  const waits = (request.waits ??= { bindingMs: 0, queueMs: 0, connectMs: 0 });
  waits[kind] += waitedMs;
}

export const noWaits: Readonly<CallWaits> = { bindingMs: 0, queueMs: 0, connectMs: 0 };
