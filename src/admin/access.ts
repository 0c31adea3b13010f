// Access control of the admin server: which requests it refuses, and which pages are open.
import type { IncomingHttpHeaders } from "node:http";
import { isLoopback } from "../core/address.ts";
import type { AdminPage } from "./page.ts";

/**
 * `admin.security` of the configuration. A group of pages that is not mentioned is open. A pattern
 * must match the whole path.
 */
export interface AdminSecurity {
  readonly uiEnabled?: boolean | undefined;
  readonly controlEnabled?: boolean | undefined;
  readonly diagnosticsEnabled?: boolean | undefined;
  readonly pathWhitelist: readonly RegExp[];
  readonly pathBlacklist: readonly RegExp[];
}

/**
 * The reason for refusing a request, whatever its page, or null. Without a token, these checks are all
 * that protects a loopback port from callers of the proxy, and from the web pages that its user happens
 * to read:
 *
 * 1. A request that came through a proxy was sent by somebody else: whoever may send calls to a
 *    router must not reach this server by a name that leads here.
 * 2. Bound to loopback, the Host must be a loopback name. A page whose own name was made to point
 *    at 127.0.0.1 (DNS rebinding) counts as the same origin, but cannot hide that name.
 * 3. A page of another site may link here, but do nothing else: its forms, images, frames and scripts
 *    could shut the proxy down or have it write heap snapshots without ever seeing the response.
 *
 * Programs such as curl send neither Origin nor Sec-Fetch-Site, so 3 does not affect them.
 */
export function refusal(
  headers: IncomingHttpHeaders,
  method: string,
  isOnLoopback: boolean,
): string | null {
  const { host, origin } = headers;
  const proxied = proxyHeader(headers);
  if (proxied !== null) {
    return `the request came through a proxy (it has the header ${proxied}); ask the admin server directly`;
  }
  if (isOnLoopback && host !== undefined && !isLoopbackName(hostOf(host))) {
    return `this server listens on loopback and accepts only localhost, 127.0.0.1 and [::1] as Host, not ${host}`;
  }
  if (frames.has(headers["sec-fetch-dest"] ?? "")) return "no page may show this one in a frame";
  const isNavigation = method !== "POST" && headers["sec-fetch-mode"] === "navigate";
  if (headers["sec-fetch-site"] === "cross-site" && !isNavigation) {
    return "pages of other sites may link here, but not load or send anything";
  }
  if (method === "POST" && origin !== undefined && originHost(origin) !== host?.toLowerCase()) {
    return `pages of ${origin} may not send anything here`;
  }
  return null;
}

/**
 * The reason for refusing a hazardous page, or null. A link from another page does not open it, not
 * even from another port of this host, which browsers take for the same site.
 */
export function hazardRefusal(headers: IncomingHttpHeaders): string | null {
  const site = headers["sec-fetch-site"] ?? "none";
  if (site === "none" || site === "same-origin") return null;
  return "other pages may not link to this one: enter its address by hand";
}

/** True for a request that a browser sent without having asked its user. */
export function needsConfirmation(headers: IncomingHttpHeaders): boolean {
  if (headers[confirmationHeader] !== undefined) return false;
  const isBrowser =
    headers["sec-fetch-site"] !== undefined ||
    headers["sec-fetch-dest"] !== undefined ||
    headers.origin !== undefined ||
    headers.referer !== undefined;
  return isBrowser || /^mozilla\//i.test(headers["user-agent"] ?? "");
}

/** For programs that look like a browser. Pages of other sites cannot set it. */
const confirmationHeader = "switchyard-confirm";

/**
 * In Linkerd's order: the blacklist first, then the whitelist or the group. `isGuarded`: whoever asks is
 * on this host or known; nobody else gets hazardous pages, whatever the file says.
 */
export function isAllowed(
  security: AdminSecurity | null,
  { path, category, isHazardous = false }: AdminPage,
  isGuarded: boolean,
): boolean {
  const matches = (patterns: readonly RegExp[] = []) =>
    patterns.some((pattern) => new RegExp(`^(?:${pattern.source})$`, pattern.flags).test(path));
  if (matches(security?.pathBlacklist)) return false;
  if (isHazardous && !isGuarded) return false;
  if (matches(security?.pathWhitelist)) return true;
  return security?.[`${category}Enabled`] ?? true;
}

/** Why a page is closed that `admin.security` does not close. */
export function whyClosed(path: string): string {
  return (
    `${path} is closed, because the admin server listens beyond loopback, where it would let anybody ` +
    `harm this process; ${whatGuards} opens it`
  );
}

const whatGuards = "admin.token, or admin.tls with requireClientAuth and caCertPath,";

/** The reason for not changing anything, or null. */
export function changeRefusal(isReadOnly: boolean, isGuarded: boolean): string | null {
  if (isReadOnly) return "this admin server changes nothing (admin.readOnly)";
  if (isGuarded) return null;
  return `this admin server listens beyond loopback, where it changes nothing for strangers; ${whatGuards} permits it`;
}

const frames: ReadonlySet<string> = new Set(["iframe", "frame", "embed", "object", "fencedframe"]);

function proxyHeader(headers: IncomingHttpHeaders): string | null {
  for (const name in headers) {
    if (name === "via" || name.startsWith("l5d-") || name.startsWith("finagle-")) return name;
  }
  return null;
}

function isLoopbackName(name: string): boolean {
  const bare = name.replace(/\.$/, "");
  return bare === "localhost" || bare.endsWith(".localhost") || isLoopback(bare);
}

/** The host of `host:port`, without the brackets of IPv6. */
function hostOf(authority: string): string {
  const name = authority.toLowerCase().replace(/:\d*$/, "");
  return name.startsWith("[") && name.endsWith("]") ? name.slice(1, -1) : name;
}

/** The `host:port` of an Origin; null for the opaque origin `null` and for malformed ones. */
function originHost(origin: string): string | null {
  const parts = /^https?:\/\/([^/?#]+)$/i.exec(origin);
  return parts?.[1]?.toLowerCase() ?? null;
}
