// Expected failures are values: no stack, no throw, and a text that says what to do.

/** Why a call has no good response. One flat list: every protocol must render each kind. */
export type FailureKind =
  | "unidentified" // the request names no destination, or names it badly
  | "forbidden" // the caller may not call this name
  | "unbound" // the name resolves to nothing (negative, empty, or the dtab fails it)
  | "unresolved" // discovery has not responded in time, or responded with an error
  | "exhausted" // no endpoint, connection or place in a queue is free for the call
  | "limited" // too many calls: more than a rate limit allows, or the endpoint refused one (a nack)
  | "connect" // the endpoint refused or did not accept in time
  | "timeout" // the deadline passed
  | "closed" // the peer closed in the middle of the call
  | "malformed" // the peer broke its protocol
  | "cancelled"; // the caller went away

/** May the call be sent again? `safe`: the endpoint never saw it, or refused it unprocessed. */
export type RetryPermission = "safe" | "if-idempotent" | "never";

/** A value, not an Error: expected failures carry no stack. */
export interface Failure {
  readonly kind: FailureKind;
  readonly retry: RetryPermission;
  /** For people: names, addresses, limits. Never parsed by code. One line. */
  readonly detail: string;
  /**
   * How the name was resolved: each alternative and what it gave, one a line.
   * Internal names: made only for callers who may see them, such as those on the same host.
   */
  readonly trace?: () => string;
  /** What to change, where the kind alone would suggest something else. For callers who may see internals. */
  readonly advice?: string;
  /** When it may be worth asking again, in milliseconds from now; 0: immediately, but elsewhere. */
  readonly retryAfterMs?: number;
  /**
   * The caller has left: the endpoint should stop working on the call, even if telling it takes closing
   * a connection.
   */
  readonly isAbandoned?: boolean;
  /** It was sent as often as the limits allow: no layer above may send it again. */
  readonly isFinal?: boolean;
}

/**
 * The endpoint was too slow, went away or broke its protocol: another attempt may succeed. Not among them:
 * there was no room, or no endpoint.
 */
export const transientKinds: ReadonlySet<FailureKind> = new Set([
  "connect",
  "timeout",
  "closed",
  "malformed",
]);

/** The same failure after every attempt that the limits allow. */
export function final(why: Failure): Failure {
  return { ...why, retry: "never", isFinal: true };
}

/** Makes a failure. `retry` is `never` unless the maker knows better. */
export function failure(
  kind: FailureKind,
  detail: string,
  retry: RetryPermission = "never",
): Failure {
  return { kind, retry, detail };
}

/** The caller went away, by itself or because it broke its protocol. */
export function abandoned(detail: string): Failure {
  return { kind: "cancelled", retry: "never", detail, isAbandoned: true };
}

/** The caller has sent a FIN, and its next response did not begin within `graceMs`. */
export function halfClosed(graceMs: number): Failure {
  const what = `no response began within ${graceMs} ms (halfCloseGraceMs)`;
  return abandoned(`the caller closed its side of the connection, and ${what}`);
}
