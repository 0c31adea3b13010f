// Why a session refuses calls or breaks, as failures with a text for people.
import { failure } from "../../../src/core/failure.ts";
import type { Failure } from "../../../src/core/failure.ts";
import type { ClientSettings } from "./settings.ts";

export function tooManyCalls({ name, options }: ClientSettings): Failure {
  const detail = `${name} has ${options.maxOutstanding} calls in progress (maxOutstanding)`;
  return failure("exhausted", detail, "safe");
}

export function slowReader({ name }: ClientSettings, unsentBytes: number): Failure {
  const detail = `${name} does not take its calls: ${unsentBytes} bytes wait for it`;
  return failure("exhausted", detail, "safe");
}

export function leaseEnded({ name }: ClientSettings): Failure {
  return failure("exhausted", `${name} takes no calls at the moment: its lease is over`, "safe");
}

export function openingTimeout({ name, options }: ClientSettings): Failure {
  const detail = `${name} did not open a mux session within ${options.connectTimeoutMs} ms`;
  return failure("connect", detail, "safe");
}

export function missedPing({ name, options }: ClientSettings): Failure {
  const detail = `${name} did not reply to a ping within ${options.pingTimeoutMs} ms`;
  return failure("closed", detail, "if-idempotent");
}

/** Nothing of a call was sent before the session was open. */
export function lostBeforeOpen({ name }: ClientSettings, what: string): Failure {
  return failure("connect", `${name} ${what} before a mux session was open`, "safe");
}

/** If the call itself is what broke the session, requeues give up after a few. */
export function lost({ name }: ClientSettings, what: string): Failure {
  return failure("closed", `${name} ${what} before it responded`, "if-idempotent");
}

/** The endpoint has processed the call, so that it is never sent again. */
export function droppedResponse(
  { name }: ClientSettings,
  what: string,
  isOwnShortage: boolean,
): Failure {
  if (isOwnShortage) return failure("exhausted", `the response of ${name} was dropped: ${what}`);
  return failure("malformed", `${name} sent ${what}`);
}
