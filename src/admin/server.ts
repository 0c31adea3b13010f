// The admin server, a small HTTP server: finds the page, reads the body, writes the response.
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import type { ServerTls } from "../core/tls/tls.ts";
import {
  pathList,
  errorResponse,
  text,
  type AdminRequest,
  type AdminResponse,
  type AdminPage,
} from "./page.ts";
import { isLoopback } from "../core/address.ts";
import {
  changeRefusal,
  hazardRefusal,
  isAllowed,
  needsConfirmation,
  refusal,
  whyClosed,
} from "./access.ts";
import type { AdminSecurity } from "./access.ts";
import { hasToken, openToAll, unauthorized } from "./authentication.ts";
import type { TokenDigests } from "./authentication.ts";
import { boundConnections } from "./connections.ts";
import { DashboardStream } from "./dashboard/stream.ts";
import { secureServer } from "./secure-server.ts";
import { confirmation } from "./confirmation.ts";
import { allPages } from "./pages/index.ts";
import type { AdminViews } from "./views.ts";

export interface AdminOptions {
  readonly host: string;
  /** 0 picks a free port. */
  readonly port: number;
  /** null: as if it mentioned no group of pages. */
  readonly security: AdminSecurity | null;
  /** Absent: nobody has to present a token. */
  readonly token?: TokenDigests | undefined;
  /** Pages show, and change nothing. */
  readonly isReadOnly?: boolean;
  /** Absent: plain text. */
  readonly tls?: ServerTls | undefined;
}

export interface AdminServer {
  readonly host: string;
  readonly port: number;
  /** Stops listening; responses in progress have `graceMs` to end. */
  close(graceMs: number): Promise<void>;
}

export interface AdminDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly maxConnections: number;
}

const maxBodyBytes = 1024 * 1024;
/** An idle connection is kept for so long, so that what is asked every few seconds needs no new one. */
const keptAliveMs = 65_000;
/** A connection on which nothing moves for so long is closed. Longer than the longest profile takes. */
const stalledMs = 330_000;

/** Rejects with a message that names the address if the server cannot listen. */
export async function openAdmin(
  options: AdminOptions,
  views: AdminViews,
  deps: AdminDeps,
): Promise<AdminServer> {
  const isOnLoopback = isLoopback(options.host);
  const { tls, token } = options;
  const knowsCallers = tls?.config.requireClientAuth === true && tls.config.caCertPath !== null;
  const isGuarded = isOnLoopback || token !== undefined || knowsCallers;
  const isOpen = (page: AdminPage) => isAllowed(options.security, page, isGuarded);
  const stream = new DashboardStream(views.dashboard, deps.clock, deps.log);
  const pages = allPages(views, deps.clock, isOpen, stream);
  const fixed = changeRefusal(options.isReadOnly === true, isGuarded);
  const context: Context = { ...options, pages, isOpen, isOnLoopback, fixed };
  const server = await openServer(options, "port", deps, (request, response) =>
    respond(request, response, context),
  );
  const close = (graceMs: number) => {
    stream.close(); // its listeners would stay until the grace is over
    return server.close(graceMs);
  };
  return { ...server, close };
}

type Respond = (
  request: IncomingMessage,
  response: ServerResponse,
) => AdminResponse | Promise<AdminResponse>;

/** `key` of the section `admin` is what sets the port. */
export async function openServer(
  options: Pick<AdminOptions, "host" | "port" | "tls">,
  key: string,
  deps: AdminDeps,
  responding: Respond,
): Promise<AdminServer> {
  const { tls } = options;
  const handle = (request: IncomingMessage, response: ServerResponse) =>
    void serve(request, response, responding, deps.log);
  const server =
    tls === undefined ? createServer(handle) : await secureServer(tls, handle, deps.log);
  server.timeout = stalledMs;
  server.keepAliveTimeout = keptAliveMs;
  boundConnections(server, deps.maxConnections);
  endWithServer(server);
  await listen(server, options, key);
  const { address: host, port } = server.address() as AddressInfo;
  return { host, port, close: (graceMs) => close(server, graceMs, deps.clock) };
}

interface Context extends AdminOptions {
  readonly pages: () => readonly AdminPage[];
  readonly isOpen: (page: AdminPage) => boolean;
  readonly isOnLoopback: boolean;
  /** Why nothing can be changed; null: it can. */
  readonly fixed: string | null;
}

type HostAndPort = Pick<AdminOptions, "host" | "port">;

function listen(server: Server, { host, port }: HostAndPort, key: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const why = listenErrors(key)[error.code ?? ""] ?? error.message;
      reject(new Error(`the admin server cannot listen on ${host}:${port}: ${why}`));
    });
    server.listen(port, host, resolve);
  });
}

const listenErrors = (key: string): Readonly<Record<string, string>> => ({
  EADDRINUSE: `another process has this port; choose one with admin.${key}`,
  EACCES: "not permitted; use a port above 1023",
  EADDRNOTAVAIL: "this host has no such address; see admin.ip",
});

/** A page that asks again and again would keep its connection, and so the server, until the grace is over. */
function endWithServer(server: Server): void {
  server.on("request", ({ socket }: IncomingMessage, response: ServerResponse) => {
    response.once("finish", () => {
      if (!server.listening) socket.end();
    });
  });
}

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
  responding: Respond,
  log: Log,
): Promise<void> {
  let result: AdminResponse;
  try {
    result = await responding(request, response);
  } catch (err) {
    // A bug in a page must not stop the proxy: the caller gets the error, and so does the log.
    log.error({ event: "admin page failed", path: request.url, err });
    result = errorResponse(500, `bug: ${err instanceof Error ? err.message : String(err)}`);
  }
  await send(result, request.method === "HEAD", response);
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  context: Context,
): Promise<AdminResponse> {
  const method = request.method ?? "";
  const refused = refusal(request.headers, method, context.isOnLoopback);
  if (refused !== null) return errorResponse(403, refused);
  const target = readTarget(request.url ?? "/");
  if (target === null) return errorResponse(400, `the target ${request.url} is not a valid path`);
  if (!isKnown(target.path, request.headers, context)) return unauthorized();
  const page = context.pages().find(({ path }) => path === target.path);
  if (page === undefined) return notFound(target.path, context);
  const denied = denial(page, request.headers, context);
  if (denied !== null) return denied;
  if (page.isDocument === true && target.hasSlash) return withoutSlash(target);
  const isGet = method === "GET" || method === "HEAD";
  const handler = isGet ? page.get : method === "POST" ? page.post : undefined;
  if (handler === undefined) return wrongMethod(method, page);
  if (method === "HEAD" && page.isHeavy === true) return text("");
  const effect = isGet ? (page.confirm?.(target.query) ?? null) : null;
  const isChange = effect !== null || (!isGet && page.postAsks !== true);
  if (isChange && context.fixed !== null) return errorResponse(403, context.fixed);
  if (effect !== null && needsConfirmation(request.headers)) return confirmation(page.path, effect);
  const body = isGet ? "" : await readBody(request);
  if (body === null) return errorResponse(413, `the body is larger than ${maxBodyBytes} bytes`);
  return handler({
    path: target.path,
    query: target.query,
    host: request.headers.host ?? null,
    accept: request.headers.accept ?? "",
    headers: request.headers,
    body,
    contentType: contentTypeOf(request),
    signal: disconnectSignal(response),
  });
}

function isKnown(
  path: string,
  { authorization }: IncomingHttpHeaders,
  { token }: Context,
): boolean {
  return token === undefined || openToAll.has(path) || hasToken(authorization, token);
}

/** null: the page is open to this request. */
function denial(
  page: AdminPage,
  headers: IncomingHttpHeaders,
  { security, isOpen }: Context,
): AdminResponse | null {
  if (!isOpen(page)) {
    // Linkerd sends an empty 404 for what the configuration closes.
    return isAllowed(security, page, true)
      ? errorResponse(403, whyClosed(page.path))
      : text("", 404);
  }
  const refused = page.isHazardous === true ? hazardRefusal(headers) : null;
  return refused === null ? null : errorResponse(403, refused);
}

interface Target extends Pick<AdminRequest, "path" | "query"> {
  /** A slash at the end, which is not part of `path`. */
  readonly hasSlash: boolean;
}

/** A trailing slash is ignored, except for the root. null: not a valid path. */
function readTarget(url: string): Target | null {
  const [path = "", query = ""] = url.split(/\?(.*)/s);
  try {
    const decoded = decodeURIComponent(path);
    if (!decoded.startsWith("/")) return null;
    const hasSlash = decoded.length > 1 && decoded.endsWith("/");
    const named = hasSlash ? decoded.slice(0, -1) : decoded;
    return { path: named, hasSlash, query: new URLSearchParams(query) };
  } catch {
    return null;
  }
}

/** Relative, because a proxy in front may have added a prefix. */
function withoutSlash({ path, query }: Target): AdminResponse {
  const rest = query.size === 0 ? "" : `?${query.toString()}`;
  return { ...text("", 308), headers: { location: `..${path}${rest}` } };
}

function contentTypeOf(request: IncomingMessage): string {
  return (request.headers["content-type"] ?? "").split(";")[0]!.trim().toLowerCase();
}

function disconnectSignal(response: ServerResponse): AbortSignal {
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  return gone.signal;
}

/** null: too large. The rest is not read, so the connection closes after the response. */
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

function notFound(path: string, { pages, isOpen }: Context): AdminResponse {
  const known = pages().filter(isOpen);
  return text(`there is no page ${path}. The pages are:\n${pathList(known)}`, 404);
}

function wrongMethod(method: string, { path, get, post, hint }: AdminPage): AdminResponse {
  const allow = [get && "GET, HEAD", post && "POST"].filter(Boolean).join(", ");
  const error = `${path} takes ${allow}, not ${method}${hint === undefined ? "" : `: ${hint}`}`;
  return { ...errorResponse(405, error), headers: { allow } };
}

async function send(
  result: AdminResponse,
  isHead: boolean,
  response: ServerResponse,
): Promise<void> {
  const { status, contentType, body, headers } = result;
  response.writeHead(status, {
    "content-type": contentType,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    ...(body instanceof Readable ? {} : { "content-length": Buffer.byteLength(body) }),
    ...(status === 413 ? { connection: "close" } : {}),
    ...headers,
  });
  if (!(body instanceof Readable)) return void response.end(isHead ? undefined : body);
  // Fails only if the caller disconnects; there is nobody left to report it to.
  await pipeline(body, response).catch(() => {});
}
