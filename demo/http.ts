// The HTTP functions of the demo's services and their supervisor: serve, ask, read JSON.
import { request, createServer, type Agent, type IncomingMessage } from "node:http";

export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
  /** From the call to the last byte. */
  readonly tookMs: number;
}

export interface RequestOptions {
  readonly method?: string;
  /** `host` names the callee when the request goes to a sidecar. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Without an agent, the connection is closed after the response. */
  readonly agent?: Agent;
  readonly timeoutMs?: number;
}

/** Sends one request. Rejects without a response: refused, closed, or no bytes for `timeoutMs` (5 s). */
export function sendRequest(url: string, options: RequestOptions = {}): Promise<HttpResponse> {
  const startedMs = performance.now();
  return new Promise((resolve, reject) => {
    const sent = request(url, {
      method: options.method ?? "GET",
      headers: options.headers ?? {},
      agent: options.agent ?? false,
      timeout: options.timeoutMs ?? 5_000,
    });
    sent.once("timeout", () => sent.destroy(new Error(`no response from ${url} in time`)));
    sent.once("error", reject);
    sent.once("response", (response) => {
      textOf(response).then((body) => {
        const { statusCode: status = 0, headers } = response;
        resolve({ status, headers, body, tookMs: tookMs(startedMs) });
      }, reject);
    });
    sent.end();
  });
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer); // no encoding set: Buffers
  return Buffer.concat(chunks).toString("utf8");
}

/** Milliseconds since `startedMs` of `performance.now()`, to the microsecond. */
export function tookMs(startedMs: number): number {
  return Math.round((performance.now() - startedMs) * 1_000) / 1_000;
}

export interface Reply {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

export function json(status: number, value: unknown): Reply {
  const body = `${JSON.stringify(value, null, 2)}\n`;
  return { status, contentType: "application/json; charset=utf-8", body };
}

/** A response that reports a problem; the page shows `error` verbatim. */
export function problem(status: number, error: string, more: object = {}): Reply {
  return json(status, { error, ...more });
}

export interface HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

export interface Serving {
  readonly port: number;
  /** Accepts no more connections; resolves when the calls in progress have finished. */
  close(): Promise<void>;
}

/** Serves on the loopback address. Rejects when the port is taken. */
export function serve(
  port: number,
  handler: (request: HttpRequest) => Promise<Reply> | Reply,
): Promise<Serving> {
  let isClosing = false;
  const server = createServer((incoming, outgoing) => {
    incoming.resume(); // no service of the demo reads a body
    void replyTo(incoming, handler).then((reply) => {
      outgoing.setHeader("content-type", reply.contentType);
      outgoing.setHeader("cache-control", "no-store");
      if (isClosing) outgoing.setHeader("connection", "close");
      outgoing.writeHead(reply.status).end(incoming.method === "HEAD" ? "" : reply.body);
    });
  });
  server.keepAliveTimeout = 0; // the callers (our sidecars) close idle connections, so no call meets a closing one
  const close = () =>
    new Promise<void>((resolve) => {
      isClosing = true;
      server.close(() => resolve());
      server.closeIdleConnections();
    });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      const bound = typeof address === "object" && address !== null ? address.port : port;
      resolve({ port: bound, close });
    });
  });
}

async function replyTo(
  incoming: IncomingMessage,
  handler: (request: HttpRequest) => Promise<Reply> | Reply,
): Promise<Reply> {
  const base = "http://service.invalid";
  const target = incoming.url ?? "/";
  if (!URL.canParse(target, base)) return problem(400, `${target} is not a URL`);
  const url = new URL(target, base);
  try {
    return await handler({
      method: incoming.method ?? "GET",
      path: url.pathname,
      query: url.searchParams,
      headers: incoming.headers,
    });
  } catch (error) {
    return problem(500, `bug in the demo: ${error instanceof Error ? error.message : error}`);
  }
}

/** One header as text; null when absent. */
export function header(request: Pick<HttpRequest, "headers">, name: string): string | null {
  const value = request.headers[name];
  return typeof value === "string" ? value : (value?.join(", ") ?? null);
}

/** The fields of a JSON object; null when `text` is something else. */
export function fieldsOf(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return isFields(value) ? value : null;
  } catch {
    return null;
  }
}

export function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
