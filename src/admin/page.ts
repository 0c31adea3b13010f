// What an admin page is: a path, its methods, and an answer that is text, JSON or a stream.
import type { Readable } from "node:stream";

export interface AdminRequest {
  readonly path: string;
  readonly query: URLSearchParams;
  /** Media type in lower case without parameters; empty when there is none. */
  readonly contentType: string;
  /** Of a POST; empty otherwise. */
  readonly body: string;
  /** Aborted when the caller goes away: stops pages that take their time. */
  readonly signal: AbortSignal;
}

export interface AdminResponse {
  readonly status: number;
  readonly contentType: string;
  readonly body: string | Buffer | Readable;
  readonly headers?: Readonly<Record<string, string>>;
}

export type Handler = (request: AdminRequest) => AdminResponse | Promise<AdminResponse>;

/** Linkerd's three groups, each of which `admin.security` can close. */
export type Category = "ui" | "control" | "diagnostics";

export interface AdminPage {
  readonly path: string;
  readonly category: Category;
  readonly get?: Handler;
  readonly post?: Handler;
  /** Said to who uses another method. */
  readonly hint?: string;
  /** Takes long or costs much: HEAD is answered without running it. */
  readonly isHeavy?: boolean;
}

export function text(body: string, status = 200): AdminResponse {
  return { status, contentType: "text/plain; charset=utf-8", body };
}

export function json(value: unknown, status = 200): AdminResponse {
  return jsonText(JSON.stringify(value), status);
}

/** JSON that was written already. Ends in a newline: whoever looks at it has a terminal. */
export function jsonText(text: string, status = 200): AdminResponse {
  const body = text.endsWith("\n") ? text : `${text}\n`;
  return { status, contentType: "application/json; charset=utf-8", body };
}

/** An answer for what is wrong, as `{"error": …}`. */
export function problem(status: number, error: string): AdminResponse {
  return json({ error }, status);
}

/** A switch in the query: `x`, `x=1` and `x=true` are on. */
export function isOn(query: URLSearchParams, name: string): boolean {
  return ["", "1", "true"].includes(query.get(name) ?? "no");
}

/** A number in the query, within bounds; null after it was found to be something else. */
export function numberIn(
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

/** Paths in order, one a line. */
export function listOf(endpoints: readonly AdminPage[]): string {
  const paths = endpoints.map(({ path }) => path).sort();
  return `${paths.join("\n")}\n`;
}
