// Where a body ends (RFC 9112 section 6): one unambiguous rule, or a refusal.
import { isDigit } from "./byte-classes.ts";
import { lastHead } from "./header-fields.ts";

/** `length` is the announced one. Functions return a string to describe a problem to people. */
export type Framing =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly length: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "until-close" };

const none: Framing = { kind: "none" };
const chunked: Framing = { kind: "chunked" };
const untilClose: Framing = { kind: "until-close" };

/** Fifteen digits are below 2^53, and a petabyte. */
const maxLengthDigits = 15;

/** The framing that the last sorted fields announce; null when they announce nothing. */
function announced(minor: number): Framing | string | null {
  const { contentLength, transferEncoding } = lastHead;
  if (transferEncoding !== null) {
    if (contentLength !== null) return "Content-Length together with Transfer-Encoding";
    if (minor === 0) return "Transfer-Encoding in HTTP/1.0";
    if (lastHead.transferEncodingCount > 1) return "more than one Transfer-Encoding field";
    // Other codings would have to be decoded here; no client in use sends them.
    return transferEncoding.toLowerCase() === "chunked"
      ? chunked
      : "a Transfer-Encoding other than chunked";
  }
  if (contentLength === null) return null;
  if (lastHead.lengthsConflict) return "conflicting Content-Length fields";
  const length = lengthOf(contentLength);
  return length < 0 ? "an invalid Content-Length" : { kind: "length", length };
}

/** Returns -1 unless the text consists of digits only. */
function lengthOf(text: string): number {
  if (text === "" || text.length > maxLengthDigits) return -1;
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (!isDigit(code)) return -1;
    length = length * 10 + code - 48;
  }
  return length;
}

/** A request without framing has no body. */
export function requestFraming(minor: number): Framing | string {
  return announced(minor) ?? none;
}

/** An invalid announcement is refused even where no body may follow. */
export function responseFraming(
  status: number,
  minor: number,
  isToHead: boolean,
): Framing | string {
  const framing = announced(minor);
  if (typeof framing === "string") return framing;
  const isBodiless = isToHead || status === 304 || status === 204 || status < 200;
  return isBodiless ? none : (framing ?? untilClose);
}

/** The value of Content-Length where no body follows: in a response to HEAD, in a 304. */
export function announcedLength(status: number, isToHead: boolean): number | null {
  const { contentLength } = lastHead;
  return contentLength !== null && (isToHead || status === 304) ? Number(contentLength) : null;
}
