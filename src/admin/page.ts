// An admin page: a path, its methods, and a response that is text, JSON or a stream.
import type { IncomingHttpHeaders } from "node:http";
import type { Readable } from "node:stream";

export interface AdminRequest {
  readonly path: string;
  readonly query: URLSearchParams;
  /** The Host header; null if absent, which HTTP/1.0 permits. */
  readonly host: string | null;
  readonly headers: IncomingHttpHeaders;
  /** Media type in lower case, without parameters; empty if absent. */
  readonly contentType: string;
  /** The Accept header; empty if absent. */
  readonly accept: string;
  /** The body of a POST; empty for other methods. */
  readonly body: string;
  /** Aborts when the caller disconnects, and when the response has been sent. */
  readonly signal: AbortSignal;
}

export interface AdminResponse {
  readonly status: number;
  readonly contentType: string;
  readonly body: string | Buffer | Readable;
  readonly headers?: Readonly<Record<string, string>>;
}

export type Handler = (request: AdminRequest) => AdminResponse | Promise<AdminResponse>;

/** Linkerd's three groups of pages, each of which `admin.security` can disable. */
export type Category = "ui" | "control" | "diagnostics";

export interface AdminPage {
  readonly path: string;
  readonly category: Category;
  readonly get?: Handler;
  readonly post?: Handler;
  /** Added to the 405 that is sent when the method is not allowed. */
  readonly hint?: string;
  /** Slow or expensive: HEAD returns 200 without running the handler. */
  readonly isHeavy?: boolean;
  /** A POST only asks, with a body too long for an address: it is not a change. */
  readonly postAsks?: boolean;
  /** Its links are relative to its address, so that it must not end with a slash. */
  readonly isDocument?: boolean;
  /** Of use to other pages only: not in the index. */
  readonly isUnlisted?: boolean;
  /** Gives away secrets, stops or disturbs the process: closed to strangers beyond loopback. */
  readonly isHazardous?: boolean;
  /** What a GET would do, for the user of a browser to confirm by a POST; null: nothing to confirm. */
  confirm?(query: URLSearchParams): string | null;
}

export function text(body: string, status = 200): AdminResponse {
  return { status, contentType: "text/plain; charset=utf-8", body };
}

export const jsonType = "application/json; charset=utf-8";

/** Short JSON. A final newline is added for the sake of terminals. */
export function json(value: unknown, status = 200): AdminResponse {
  return { status, contentType: jsonType, body: `${JSON.stringify(value)}\n` };
}

/** An error as `{"error": …}`. */
export function errorResponse(status: number, error: string): AdminResponse {
  return json({ error }, status);
}

/** True for `?x`, `?x=1` and `?x=true`. */
export function hasFlag(query: URLSearchParams, name: string): boolean {
  return ["", "1", "true"].includes(query.get(name) ?? "no");
}

/** A query parameter above 0 and up to `max`; `fallback` if absent, null if invalid. */
export function numberParameter(
  query: URLSearchParams,
  name: string,
  fallback: number,
  max: number,
): number | null {
  const given = query.get(name);
  if (given === null) return fallback;
  const value = Number(given);
  return /^\d+(\.\d+)?$/.test(given) && value > 0 && value <= max ? value : null;
}

/** The pages' paths in alphabetical order, one per line. */
export function pathList(pages: readonly AdminPage[]): string {
  const paths = pages.filter(({ isUnlisted }) => isUnlisted !== true).map(({ path }) => path);
  return `${paths.sort().join("\n")}\n`;
}
