// `Via`: the hops of a message so far (RFC 9110 section 7.6.3).

export const via11 = "1.1 switchyard";
const via10 = "1.0 switchyard";

/** Appends this hop to `Via`; the version is the one in which the message came in. */
export function viaAfter(via: string | null, version: "1.1" | "1.0"): string {
  const hop = version === "1.1" ? via11 : via10;
  return via === null || via === "" ? hop : `${via}, ${hop}`;
}

const line11 = `Via: ${via11}\r\n`;

/** The header line; empty without any hop. */
export function viaLine(via: string | null): string {
  if (via === via11) return line11;
  return via === null ? "" : `Via: ${via}\r\n`;
}

/**
 * Counts the hops in a `Via` list: its items that are not empty (RFC 9110 section 5.6.1). Commas within
 * comments separate nothing. A comment that is never closed is not a comment: it would hide the hops
 * that are appended later, and with them a loop.
 */
export function hopsIn(via: string): number {
  let count = 0;
  let isEmpty = true;
  let mayHoldComments = true;
  for (let i = 0; i < via.length; i++) {
    const code = via.charCodeAt(i);
    if (code === COMMA) isEmpty = true;
    else if (isEmpty && code !== SP && code !== HTAB) {
      isEmpty = false;
      count++;
    }
    if (code !== OPEN || !mayHoldComments) continue;
    const end = commentEnd(via, i);
    if (end < 0) mayHoldComments = false;
    else i = end;
  }
  return count;
}

const HTAB = 9;
const SP = 32;
const OPEN = 40;
const CLOSE = 41;
const COMMA = 44;
const BACKSLASH = 92;

/** The index of the `)` that ends the comment at `start`; -1 without one. Comments may be nested. */
function commentEnd(text: string, start: number): number {
  let depth = 0;
  for (let i = start; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === BACKSLASH) i++;
    else if (code === OPEN) depth++;
    else if (code === CLOSE && --depth === 0) return i;
  }
  return -1;
}

const proxyHop = /(?:^|,)\s*(?:http\/)?1\.[01]\s+(?:linkerd|switchyard)\b/i;

/**
 * Whether a response, whose `via` ends with this hop, came through another proxy of this kind. Its
 * `l5d-*` fields are then that proxy's word, and otherwise the service's.
 */
export function cameThroughProxy(via: string | null): boolean {
  if (via === null || via === via11 || via === via10) return false;
  const before = via.endsWith(via11) || via.endsWith(via10) ? via.slice(0, -via11.length) : via;
  return proxyHop.test(before);
}
