// One GET of an instance's admin server, bounded in time and bytes. The only file of the fleet that knows
// undici, which is loaded with the fleet.
import { Agent } from "undici";
import type { Dispatcher } from "undici";
import type { Clock, Close } from "../../core/clock.ts";

/** Why there is no page, in words that complete "web (10.0.0.1:9990) ...". */
export interface NotGot {
  readonly kind: "refused" | "unreachable" | "timeout" | "status" | "page" | "size" | "closed";
  readonly text: string;
}

export interface GetOptions {
  /** Such as `http://127.0.0.1:9990`. */
  readonly origin: string;
  readonly path: string;
  readonly timeoutMs: number;
  readonly maxBytes: number;
  readonly signal?: AbortSignal;
  /** What is wrong with the piece, or null. */
  onChunk(chunk: Buffer): string | null;
}

/** All pages of one instance. */
export interface Getter {
  /** null: the whole page was read. Never rejects. */
  get(options: GetOptions): Promise<NotGot | null>;
  close(): void;
}

export interface Credentials {
  /** As undici and Node name it; null: plain text. */
  readonly tls: Readonly<Record<string, unknown>> | null;
  /** null: none is sent. */
  token(): string | null;
}

/** Pages of one instance on one or two connections. */
export function openGetter(clock: Clock, { tls, token }: Credentials): Getter {
  const agent = new Agent({
    connections: 2,
    pipelining: 1,
    keepAliveTimeout: 60_000,
    maxHeaderSize: 16 * 1024,
    // The clock bounds all of a request; these are undici's own timers, which are not needed.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { timeout: 10_000, ...tls },
  });
  return {
    async get(options) {
      const given = token();
      const headers = {
        accept: "*/*",
        ...(given === null ? {} : { authorization: `Bearer ${given}` }),
      };
      const first = await getOnce(agent, clock, { ...options, headers });
      // The instance closed an idle connection at the moment in which it was used.
      return first === "again"
        ? closedEarly(await getOnce(agent, clock, { ...options, headers }))
        : first;
    },
    close: () => void agent.destroy(),
  };
}

function closedEarly(result: NotGot | "again" | null): NotGot | null {
  return result === "again"
    ? { kind: "closed", text: "closes the connection without a response" }
    : result;
}

async function getOnce(
  agent: Agent,
  clock: Clock,
  options: GetOptions & { readonly headers: Readonly<Record<string, string>> },
): Promise<NotGot | "again" | null> {
  const aborting = new AbortController();
  let isLate = false;
  const cancel = clock.after(options.timeoutMs, () => {
    isLate = true;
    aborting.abort();
  });
  const unlisten = onAbort(options.signal, () => aborting.abort());
  let hasBegun = false;
  let hasEnded = false;
  try {
    const { origin, path, headers } = options;
    const request = { origin, path, method: "GET", signal: aborting.signal } as const;
    const response = await agent.request({ ...request, headers });
    hasBegun = true;
    const problem = await read(response, options);
    hasEnded = problem === null;
    return problem;
  } catch (error) {
    if (isLate) {
      const what = hasBegun ? "did not finish its response" : "did not respond";
      return { kind: "timeout", text: `${what} within ${options.timeoutMs} ms` };
    }
    return notGot(error, hasBegun);
  } finally {
    cancel();
    unlisten();
    // What is not read to its end would keep its connection from the next request.
    if (!hasEnded) aborting.abort();
  }
}

function onAbort(signal: AbortSignal | undefined, run: () => void): Close {
  if (signal?.aborted === true) run();
  signal?.addEventListener("abort", run, { once: true });
  return () => signal?.removeEventListener("abort", run);
}

const maxErrorBytes = 1_024;

async function read(
  { statusCode, body, headers }: Dispatcher.ResponseData,
  { maxBytes, onChunk }: GetOptions,
): Promise<NotGot | null> {
  body.on("error", () => {}); // an aborted body; the loop below sees it, unless it has left
  if (statusCode !== 200)
    return { kind: "status", text: await statusText(statusCode, headers, body) };
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) {
      return { kind: "size", text: `sent more than ${megabytes(maxBytes)}, which is not read` };
    }
    const problem = onChunk(chunk);
    if (problem !== null) return { kind: "page", text: `sent something else: ${problem}` };
  }
  return null;
}

function megabytes(bytes: number): string {
  return `${Math.round((bytes / 1024 / 1024) * 10) / 10} MB`;
}

async function statusText(
  status: number,
  headers: Dispatcher.ResponseData["headers"],
  body: AsyncIterable<Buffer>,
): Promise<string> {
  if (status >= 300 && status < 400) {
    return `responds with ${status}, a redirection to ${String(headers["location"]).slice(0, 200)}, which is not followed`;
  }
  if (status === 401) {
    return "responds with 401: it wants a token (fleet.token here, admin.token there)";
  }
  if (status === 404) {
    return "responds with 404: it is an older switchyard without the page for fleets, or not switchyard";
  }
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    pieces.push(chunk);
    bytes += chunk.length;
    if (bytes > maxErrorBytes) break;
  }
  const text = Buffer.concat(pieces).toString("utf8").replaceAll(/\s+/g, " ").trim();
  return `responds with ${status}${text === "" ? "" : `: ${text.slice(0, 300)}`}`;
}

function notGot(error: unknown, hasBegun: boolean): NotGot | "again" {
  const { code, message } = error as { readonly code?: string; readonly message?: string };
  switch (code) {
    case "ECONNREFUSED":
      return { kind: "refused", text: "refuses connections: the process has stopped" };
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return { kind: "unreachable", text: "has a host name that cannot be resolved" };
    case "UND_ERR_SOCKET":
    case "ECONNRESET":
    case "EPIPE":
      if (!hasBegun) return "again";
      return { kind: "closed", text: "closes the connection in the middle of its response" };
    default: {
      const why = message ?? String(error);
      return { kind: "unreachable", text: `cannot be asked: ${why.slice(0, 200)}` };
    }
  }
}
