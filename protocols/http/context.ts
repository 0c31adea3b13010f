// What callers tell about a call in `l5d-*` fields, and what is told onwards.
import type { TraceId } from "./trace-id.ts";

/** What this proxy knows of one call beyond the message. Made once, when the call comes in. */
export interface Hop {
  /** The target as the caller sent it: an identifier may rewrite the one that is sent on. */
  readonly target: string;
  /** The server span: its trace, its own id and the caller's. */
  readonly trace: TraceId;
}
