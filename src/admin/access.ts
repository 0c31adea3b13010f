// Access control of the admin server: which requests it refuses, and which pages are open.
import { isIPv4 } from "node:net";
import type { IncomingHttpHeaders } from "node:http";
import type { Category } from "./page.ts";

/** `admin.security` of the configuration. A pattern must match the whole path. */
export interface AdminSecurity {
  readonly uiEnabled: boolean;
  readonly controlEnabled: boolean;
  readonly diagnosticsEnabled: boolean;
  readonly pathWhitelist: readonly RegExp[];
  readonly pathBlacklist: readonly RegExp[];
}

/**
 * The reason for refusing a browser's request, or null. The server has no passwords, so these
 * checks are all that protects a loopback port from the web pages that its user happens to read:
 *
 * 1. Bound to loopback, the Host must be a loopback name. A page whose own name was made to point
 *    at 127.0.0.1 (DNS rebinding) counts as the same origin, but cannot hide that name.
 * 2. A page of another site may link here, but do nothing else: its forms, images and scripts could
 *    shut the proxy down or have it write heap snapshots without ever seeing the response.
 *
 * Programs such as curl send neither Origin nor Sec-Fetch-Site, so the checks do not affect them.
 */
export function refusal(
  headers: IncomingHttpHeaders,
  method: string,
  isLoopback: boolean,
): string | null {
  const { host, origin } = headers;
  if (isLoopback && host !== undefined && !isLoopbackName(hostOf(host))) {
    return `this server listens on loopback and accepts only localhost, 127.0.0.1 and [::1] as Host, not ${host}`;
  }
  const isNavigation = method !== "POST" && headers["sec-fetch-mode"] === "navigate";
  if (headers["sec-fetch-site"] === "cross-site" && !isNavigation) {
    return "pages of other sites may link here, but not load or send anything";
  }
  if (method === "POST" && origin !== undefined && originHost(origin) !== host?.toLowerCase()) {
    return `pages of ${origin} may not send anything here`;
  }
  return null;
}

/** True for addresses that only this machine can reach. */
export function isLoopbackAddress(host: string): boolean {
  return host === "::1" || host === "localhost" || (isIPv4(host) && host.startsWith("127."));
}

/** In Linkerd's order: the blacklist first, then the category or the whitelist. */
export function isAllowed(security: AdminSecurity | null, path: string, of: Category): boolean {
  if (security === null) return true;
  const isOneOf = (patterns: readonly RegExp[]) =>
    patterns.some((pattern) => new RegExp(`^(?:${pattern.source})$`, pattern.flags).test(path));
  if (isOneOf(security.pathBlacklist)) return false;
  return security[`${of}Enabled`] || isOneOf(security.pathWhitelist);
}

function isLoopbackName(name: string): boolean {
  const bare = name.replace(/\.$/, "");
  return isLoopbackAddress(bare) || bare.endsWith(".localhost");
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
