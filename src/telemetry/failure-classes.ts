// Linkerd's names of failures beside ours: metrics and labels name a kind, Linkerd's named a class.
import type { FailureKind } from "../core/failure.ts";

/** For each kind of failure the exceptions of Finagle, and of Linkerd, that mean the same. */
export const linkerdClasses: Readonly<Record<FailureKind, readonly string[]>> = {
  unidentified: ["RoutingFactory$UnknownDst"],
  forbidden: ["RequestNotAuthorizedException"],
  unbound: ["NoBrokersAvailableException"],
  unresolved: ["RequestTimeoutException"],
  exhausted: [
    "NoNodesOpenException",
    "TooManyWaitersException",
    "TooManyConcurrentRequestsException",
    "FailedFastException",
  ],
  limited: ["Failure with the flag Rejected", "RejectedException"],
  connect: ["ConnectionFailedException"],
  timeout: ["GlobalRequestTimeoutException", "IndividualRequestTimeoutException"],
  closed: ["ChannelClosedException", "IOException"],
  malformed: ["CodecException", "DecoderException", "TProtocolException"],
  cancelled: ["CancelledRequestException", "ClientDiscardedRequestException"],
};

/** What the HELP line of `...:failures` says of its label `exception`; empty for other names. */
export function failureHelp(name: string): string {
  if (!name.endsWith(":failures")) return "";
  const kinds = Object.entries(linkerdClasses)
    .filter(([kind]) => kind !== "cancelled") // counted beside failures, not among them
    .map(([kind, classes]) => `${kind} (${classes.join(", ")})`);
  return `. exception is a kind of failure, with Linkerd's classes in brackets: ${kinds.join("; ")}`;
}
