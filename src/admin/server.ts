// The admin's own small HTTP server: finds the page, reads the body, writes the answer.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import {
  listOf,
  problem,
  text,
  type AdminRequest,
  type AdminResponse,
  type AdminPage,
} from "./page.ts";
import { isAllowed, isLoopbackAddress, refusal, type AdminSecurity } from "./access.ts";
import { allPages } from "./pages/index.ts";
import type { AdminViews } from "./views.ts";

export interface AdminOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** null: everything is allowed. */
  readonly security: AdminSecurity | null;
}

export interface AdminServer {
  readonly host: string;
  readonly port: number;
  /** Stops listening; pages in progress have `graceMs`. */
  close(graceMs: number): Promise<void>;
}

export interface AdminDeps {
  readonly clock: Clock;
  readonly log: Log;
}

const maxBodyBytes = 1024 * 1024;

/** Rejects when it cannot listen, with a text that names the address. */
export async function openAdmin(
  options: AdminOptions,
  views: AdminViews,
  deps: AdminDeps,
): Promise<AdminServer> {
  const endpoints = allPages(views, deps.clock);
  const context: Context = { ...options, endpoints, log: deps.log };
  const server = createServer((request, response) => void serve(request, response, context));
  await listen(server, options);
  const { address: host, port } = server.address() as AddressInfo;
  return { host, port, close: (graceMs) => close(server, graceMs, deps.clock) };
}

interface Context extends AdminOptions {
  readonly endpoints: () => readonly AdminPage[];
  readonly log: Log;
}

function listen(server: Server, { host, port }: AdminOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const why = whyNot[error.code ?? ""] ?? error.message;
      reject(new Error(`the admin server cannot listen on ${host}:${port}: ${why}`));
    });
    server.listen(port, host, resolve);
  });
}

const whyNot: Readonly<Record<string, string>> = {
  EADDRINUSE: "another process has this port; choose one with admin.port",
  EACCES: "not permitted; use a port above 1023",
  EADDRNOTAVAIL: "this host has no such address; see admin.ip",
};

function close(server: Server, graceMs: number, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(graceMs, () => server.closeAllConnections());
    server.close(() => {
      cancel();
      resolve();
    });
    server.closeIdleConnections();
  });
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  context: Context,
): Promise<void> {
  let answer: AdminResponse;
  try {
    answer = await answerTo(request, response, context);
  } catch (err) {
    // A page that breaks says so to who asked; the proxy goes on.
    context.log.error({ event: "admin page failed", path: request.url, err });
    answer = problem(500, `bug: ${err instanceof Error ? err.message : String(err)}`);
  }
  await send(answer, request.method === "HEAD", response);
}

async function answerTo(
  request: IncomingMessage,
  response: ServerResponse,
  context: Context,
): Promise<AdminResponse> {
  const method = request.method ?? "";
  const refused = refusal(request.headers, method, isLoopbackAddress(context.host));
  if (refused !== null) return problem(403, refused);
  const target = readTarget(request.url ?? "/");
  if (target === null) return problem(400, `the target ${request.url} is no valid path`);
  const endpoint = context.endpoints().find(({ path }) => path === target.path);
  if (endpoint === undefined) return notFound(target.path, context);
  if (!isAllowed(context.security, target.path, endpoint.category)) return text("", 404);
  const isGet = method === "GET" || method === "HEAD";
  const handler = isGet ? endpoint.get : method === "POST" ? endpoint.post : undefined;
  if (handler === undefined) return wrongMethod(method, endpoint);
  if (method === "HEAD" && endpoint.isHeavy === true) return text("");
  const body = isGet ? "" : await readBody(request);
  if (body === null) return problem(413, `the body is larger than ${maxBodyBytes} bytes`);
  return handler({
    ...target,
    body,
    contentType: contentTypeOf(request),
    signal: goneOf(response),
  });
}

/** Any path but the root is the same with and without a slash behind it. null: no valid path. */
function readTarget(url: string): Pick<AdminRequest, "path" | "query"> | null {
  const [path = "", query = ""] = url.split(/\?(.*)/s);
  try {
    const decoded = decodeURIComponent(path);
    if (!decoded.startsWith("/")) return null;
    return { path: decoded.replace(/(?<=.)\/$/, ""), query: new URLSearchParams(query) };
  } catch {
    return null;
  }
}

function contentTypeOf(request: IncomingMessage): string {
  return (request.headers["content-type"] ?? "").split(";")[0]!.trim().toLowerCase();
}

function goneOf(response: ServerResponse): AbortSignal {
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  return gone.signal;
}

/** null: too large. The connection is closed after the answer, as the rest is not read. */
async function readBody(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBodyBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function notFound(path: string, { endpoints, security }: Context): AdminResponse {
  const known = endpoints().filter((each) => isAllowed(security, each.path, each.category));
  return text(`there is no ${path} here. There is:\n${listOf(known)}`, 404);
}

function wrongMethod(method: string, { path, get, post, hint }: AdminPage): AdminResponse {
  const allow = [get && "GET, HEAD", post && "POST"].filter(Boolean).join(", ");
  const error = `${path} takes ${allow}, not ${method}${hint === undefined ? "" : `: ${hint}`}`;
  return { ...problem(405, error), headers: { allow } };
}

async function send(
  answer: AdminResponse,
  isHead: boolean,
  response: ServerResponse,
): Promise<void> {
  const { status, contentType, body, headers } = answer;
  response.writeHead(status, {
    "content-type": contentType,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    ...(body instanceof Readable ? {} : { "content-length": Buffer.byteLength(body) }),
    ...(status === 413 ? { connection: "close" } : {}),
    ...headers,
  });
  if (!(body instanceof Readable)) return void response.end(isHead ? undefined : body);
  // It breaks off only when the caller went away, and then nobody is left to be told.
  await pipeline(body, response).catch(() => {});
}
