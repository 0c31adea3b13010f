// What the end of a time limit means for a caller's connection.
import type { IncomingBody } from "../codec/incoming-body.ts";
import type { SocketLink } from "../../../src/net/socket-link.ts";
import type { ServerCall } from "./call.ts";
import type { ConnectionState } from "./input.ts";

/** The connection when its timer expired. */
export interface Expired {
  readonly state: ConnectionState;
  readonly link: SocketLink;
  readonly body: IncomingBody | null;
}

/**
 * `close`: the connection was idle, or the rest of an unwanted body did not come.
 * `late-head`: a request has begun, and not all that its call needs is here.
 * `late-body`: the call waits for bytes of the request's body, and nothing of its response was sent.
 * `half-closed`: the caller sent a FIN, and the response has not begun.
 * `unread`: the caller does not read its response.
 * `none`: the endpoint is slow, which other limits end.
 */
export type Expiry = "close" | "late-head" | "late-body" | "half-closed" | "unread" | "none";

export function expiryOf(
  { state, link, body }: Expired,
  isReadingHead: boolean,
  call: ServerCall | null,
  hasFin: boolean,
): Expiry {
  switch (state) {
    case "head":
      return isReadingHead ? "late-head" : "close";
    case "busy":
      if (!link.hasRoom) return "unread";
      if (call?.hasStarted !== false) return "none";
      if (hasFin) return "half-closed";
      return body?.wants === true ? "late-body" : "none";
    case "draining":
      return "close";
    case "closing":
    case "tunnel":
    case "closed":
      return "none";
    default:
      return state satisfies never;
  }
}
