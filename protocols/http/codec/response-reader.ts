// From the bytes of an endpoint to a response: its head, and its body where all of that is there.
import { latin1Of } from "../../../src/net/latin1.ts";
import { announcedBody, latin1Body, noBody } from "./body.ts";
import { wholeChunked } from "./chunked-decoder.ts";
import type { HeadLimits } from "./limits.ts";
import type { ResponseHead } from "./response-head.ts";

/** Whole responses up to this are kept as text, to be joined with their head. */
const maxTextBytes = 16 * 1024;

/**
 * Sets the body of `head` when all of it lies in `buffer` from `start` on, and returns where it
 * ends; -1 when it has to flow.
 */
export function takeWholeBody(
  head: ResponseHead,
  buffer: Buffer,
  start: number,
  end: number,
  limits: HeadLimits,
): number {
  const { response, framing, announcedLength } = head;
  switch (framing.kind) {
    case "none":
      response.body = announcedLength === null ? noBody : announcedBody(announcedLength);
      return start;
    case "length": {
      const stop = start + framing.length;
      if (stop > end || framing.length > maxTextBytes) return -1;
      response.body = latin1Body(bodyText(head, framing.length, buffer, start));
      return stop;
    }
    case "chunked": {
      const whole = wholeChunked(buffer, start, end, limits);
      if (whole === null) return -1;
      response.body = latin1Body(whole.text);
      return whole.end;
    }
    case "until-close":
      return -1;
    default:
      return framing satisfies never;
  }
}

/** Usually a slice of the text that was made for the head. */
function bodyText(
  { text, bodyAt }: ResponseHead,
  length: number,
  buffer: Buffer,
  start: number,
): string {
  const isThere = text.length >= bodyAt + length;
  return isThere ? text.slice(bodyAt, bodyAt + length) : latin1Of(buffer, start, start + length);
}

/** A body of at most `maxBytes` is incomplete: the head is read again once all of it is here. */
export function awaitsWholeBody(
  { framing }: ResponseHead,
  presentBytes: number,
  maxBytes: number,
): boolean {
  return framing.kind === "length" && framing.length > presentBytes && framing.length <= maxBytes;
}
