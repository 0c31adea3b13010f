// Hosts and targets: `uri-host [ ":" port ]`, and the forms a request target may have.
import { hexValue, isDigit, isHost } from "./byte-classes.ts";

const PERCENT = 37;
const COLON = 58;
const OPEN = 91;
const CLOSE = 93;

/** RFC 9112 section 3.2 and RFC 3986 section 3.2.2. No user info, no path, no second host. */
export function isAuthority(text: string): boolean {
  if (text.charCodeAt(0) === OPEN) return isLiteral(text);
  const length = text.length;
  let at = 0;
  for (; at < length; at++) {
    const code = text.charCodeAt(at);
    if (code === COLON) break;
    if (!isHost(code) || code === OPEN || code === CLOSE) return false;
    if (code === PERCENT) {
      if (hexValue(text.charCodeAt(at + 1)) < 0 || hexValue(text.charCodeAt(at + 2)) < 0) {
        return false; // beyond the end is NaN, which is not a digit
      }
      at += 2;
    }
  }
  return at > 0 && isPort(text, at);
}

/** `[` IPv6 or a future form `]`; no zone. */
function isLiteral(text: string): boolean {
  const end = text.indexOf("]");
  if (
    end < 0 ||
    !/^[0-9a-f:.]{2,45}$|^v[0-9a-f]+\.[\w.~!$&'()*+;=:-]+$/i.test(text.slice(1, end))
  ) {
    return false;
  }
  return isPort(text, end + 1);
}

/** Accepts nothing, or a colon and up to five digits. */
function isPort(text: string, start: number): boolean {
  if (start === text.length) return true;
  if (text.charCodeAt(start) !== COLON || text.length - start > 6) return false;
  for (let at = start + 1; at < text.length; at++) {
    if (!isDigit(text.charCodeAt(at))) return false;
  }
  return Number(text.slice(start + 1)) <= 65_535;
}

export interface AbsoluteTarget {
  readonly scheme: "http" | "https";
  readonly authority: string;
  /** Origin-form, or `*`. */
  readonly target: string;
}

/** Splits `http://host:port/path?query` (RFC 9112 section 3.2.2); null for any other form. */
export function absoluteTarget(target: string, method: string): AbsoluteTarget | null {
  const colon = target.indexOf("://");
  if (colon < 0) return null;
  const scheme = target.slice(0, colon).toLowerCase();
  if (scheme !== "http" && scheme !== "https") return null;
  const start = colon + 3;
  let end = start;
  while (end < target.length && target[end] !== "/" && target[end] !== "?") end++;
  const authority = target.slice(start, end);
  if (authority === "" || !isAuthority(authority)) return null;
  return { scheme, authority, target: originForm(target.slice(end), method) };
}

function originForm(rest: string, method: string): string {
  if (rest === "") return method === "OPTIONS" ? "*" : "/"; // RFC 9112 section 3.2.4
  return rest.startsWith("/") ? rest : `/${rest}`;
}
