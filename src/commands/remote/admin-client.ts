// Asks the admin servers of running proxies.
import { readFile } from "node:fs/promises";
import { tokensOf } from "../../runtime/token-file.ts";

/** As much of undici as is used, which is loaded with the first request. */
interface Http {
  request(
    url: URL,
    options: {
      readonly headers: Readonly<Record<string, string>>;
      readonly signal?: AbortSignal;
      readonly headersTimeout: number;
      readonly bodyTimeout: number;
    },
  ): Promise<{
    readonly statusCode: number;
    readonly body: AsyncIterable<Buffer>;
  }>;
}

/** A text for people: what was asked, and why there is no answer. */
export class AdminError extends Error {
  /** The status of the response; null: there was none. */
  readonly status: number | null;

  constructor(message: string, status: number | null) {
    super(message);
    this.status = status;
  }
}

const timeoutMs = 10_000;
/** A whole page, however slowly it comes. */
const pageTimeoutMs = 30_000;
/** Of a refusal. */
const maxReasonBytes = 4 * 1024;
/** No page is longer. */
const maxBytes = 64 * 1024 * 1024;

/** One running proxy. */
export class AdminClient {
  /** Without a slash at its end. */
  readonly url: string;
  readonly #token: string | null;

  constructor(url: string, token: string | null) {
    this.url = url;
    this.#token = token;
  }

  /** `127.0.0.1:9990`: short, for columns. */
  get name(): string {
    return new URL(this.url).host;
  }

  async json(path: string, query: Readonly<Record<string, string>> = {}): Promise<unknown> {
    const text = await this.text(path, query, "application/json");
    try {
      return JSON.parse(text) as unknown;
    } catch (error) {
      throw new AdminError(`${this.url}${path}: ${messageOf(error)}`, null);
    }
  }

  async text(
    path: string,
    query: Readonly<Record<string, string>> = {},
    accept = "text/plain",
  ): Promise<string> {
    const signal = AbortSignal.timeout(pageTimeoutMs);
    const body = await this.#open(path, query, accept, timeoutMs, signal);
    const chunks: Buffer[] = [];
    let bytes = 0;
    try {
      for await (const chunk of body) {
        bytes += chunk.length;
        if (bytes > maxBytes) throw new Error(`it sent more than ${maxBytes} bytes`);
        chunks.push(chunk);
      }
      return Buffer.concat(chunks).toString("utf8");
    } catch (error) {
      throw new AdminError(`${this.url}${path}: ${messageOf(error)}`, null);
    }
  }

  /** A response without an end, piece by piece. */
  stream(
    path: string,
    query: Readonly<Record<string, string>>,
    signal: AbortSignal,
    silenceMs: number,
  ): Promise<AsyncIterable<Buffer>> {
    return this.#open(path, query, "application/x-ndjson", silenceMs, signal);
  }

  async #open(
    path: string,
    query: Readonly<Record<string, string>>,
    accept: string,
    bodyTimeout: number,
    signal?: AbortSignal,
  ): Promise<AsyncIterable<Buffer>> {
    const url = new URL(`${this.url}${path}`);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const authorization = this.#token === null ? {} : { authorization: `Bearer ${this.#token}` };
    const http: Http = await import("undici");
    try {
      const { statusCode, body } = await http.request(url, {
        headers: { accept, ...authorization },
        headersTimeout: timeoutMs,
        bodyTimeout,
        ...(signal === undefined ? {} : { signal }),
      });
      if (statusCode === 200) return body;
      throw new AdminError(
        `${this.url}${path}: ${reasonOf(statusCode, await beginningOf(body))}`,
        statusCode,
      );
    } catch (error) {
      if (error instanceof AdminError) throw error;
      throw new AdminError(`${this.url} cannot be asked: ${messageOf(error)}`, null);
    }
  }
}

/** What comes behind it is not read. */
async function beginningOf(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= maxReasonBytes) break; // closes the connection
  }
  return Buffer.concat(chunks).toString("utf8", 0, maxReasonBytes);
}

function reasonOf(status: number, text: string): string {
  if (status === 401)
    return "it wants its token: name the file with --token-file, or set SWITCHYARD_TOKEN";
  try {
    const { error } = JSON.parse(text) as { readonly error?: unknown };
    if (typeof error === "string") return `${status}: ${error.slice(0, 500)}`;
  } catch {
    // not JSON
  }
  const [first = ""] = text.split("\n");
  return `${status}${first === "" ? "" : `: ${first.slice(0, 200)}`}`;
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ECONNREFUSED") return "nothing listens there (connection refused)";
  if (error.message !== "") return error.message;
  return code ?? error.name; // an AggregateError of several addresses has no message
}

/** The problem with an argument is a text. Without a file, the token is that of the environment. */
export async function adminClients(
  addresses: readonly string[],
  tokenFile: string | undefined,
): Promise<readonly AdminClient[] | string> {
  if (addresses.length === 0)
    return "expected the address of an admin server, such as localhost:9990";
  let token = process.env["SWITCHYARD_TOKEN"] ?? null;
  if (tokenFile !== undefined) {
    try {
      // The file of admin.token itself may be named; while a token is replaced, each of its lines is valid.
      [token = null] = tokensOf(await readFile(tokenFile, "utf8"));
    } catch (error) {
      return `--token-file: ${messageOf(error)}`;
    }
  }
  const clients: AdminClient[] = [];
  for (const address of addresses) {
    const url = adminUrl(address);
    if (url === null)
      return `${address} is not the address of an admin server, such as localhost:9990`;
    clients.push(new AdminClient(url, token));
  }
  return clients;
}

/** Whether an argument is meant as an address rather than as a name, a trace id or a file. */
function isAdminUrl(text: string): boolean {
  return /^https?:\/\//i.test(text);
}

/** Takes `localhost:9990`, `:9990`, `9990` and URLs, perhaps with a path in front of the pages. */
function adminUrl(address: string): string | null {
  const withHost = /^:?\d+$/.test(address) ? `localhost:${address.replace(":", "")}` : address;
  const text = isAdminUrl(withHost) ? withHost : `http://${withHost}`;
  try {
    const url = new URL(text);
    if (url.protocol !== "http:" && url.protocol !== "https:") return null;
    return `${url.origin}${url.pathname}`.replace(/\/$/, "");
  } catch {
    return null;
  }
}
