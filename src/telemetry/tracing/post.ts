// Posts to a collector over HTTP. undici is loaded with the first POST, since it takes 10 MB.
import { gzip } from "node:zlib";
import type { Agent } from "undici";
import type { CollectorConnection } from "../telemeter.ts";
import type { SendResult } from "./outbox.ts";

export interface PostOptions {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly isCompressed: boolean;
  readonly timeoutMs: number;
  readonly connection: CollectorConnection;
}

export interface Poster {
  /** Never rejects. */
  post(body: string): Promise<SendResult>;
  close(): void;
}

/** How much of a response is read, for its error message. */
const maxResponseBytes = 1_024;
/** Bodies below this are not worth compressing. */
const minCompressedBytes = 1_024;

export function poster(options: PostOptions): Poster {
  const { url, headers, isCompressed, timeoutMs } = options;
  let agent: Agent | null = null;
  const post = async (text: string): Promise<SendResult> => {
    const { request, Agent: UndiciAgent } = await import("undici");
    agent ??= agentFor(UndiciAgent, options);
    const zipped = isCompressed && text.length >= minCompressedBytes;
    const body = zipped ? await compressed(text) : text;
    const {
      statusCode,
      headers: received,
      body: response,
    } = await request(url, {
      method: "POST",
      headers: {
        ...headers,
        "content-type": "application/json",
        ...(zipped ? { "content-encoding": "gzip" } : {}),
      },
      body,
      dispatcher: agent,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      // A response that drips keeps within the two above.
      signal: AbortSignal.timeout(2 * timeoutMs),
    });
    const start = await beginning(response);
    return resultOf(statusCode, start, received["retry-after"]);
  };
  return {
    post: (text) =>
      post(text).catch((error: unknown) => ({ kind: "failed", problem: textOf(error) })),
    close: () => {
      void agent?.destroy();
      options.connection.close();
    },
  };
}

function agentFor(Made: typeof Agent, { timeoutMs, connection }: PostOptions): Agent {
  return new Made({
    connections: 1,
    keepAliveTimeout: 30_000,
    connect: { timeout: timeoutMs, ...connection.options },
  });
}

function compressed(text: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    gzip(text, { level: 1 }, (error, bytes) => (error === null ? resolve(bytes) : reject(error)));
  });
}

/** The first bytes of a response; the rest is not read. */
async function beginning(response: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= maxResponseBytes) break; // closes the connection
  }
  return Buffer.concat(chunks).toString("utf8", 0, maxResponseBytes);
}

/** Statuses that a later POST may not get: overload, and the absence of what stands behind a gateway. */
const temporary = new Set([408, 425, 429, 500, 502, 503, 504]);

function resultOf(status: number, body: string, retryAfter: unknown): SendResult {
  if (status >= 200 && status < 300) return { kind: "sent" };
  const said = body.replaceAll(/\s+/g, " ").trim().slice(0, 200);
  const problem = `the collector responded ${status}${said === "" ? "" : `: ${said}`}`;
  if (!temporary.has(status)) return { kind: "refused", problem };
  const seconds = typeof retryAfter === "string" ? Number(retryAfter) : NaN;
  return Number.isFinite(seconds) && seconds > 0
    ? { kind: "failed", problem, retryAfterMs: seconds * 1_000 }
    : { kind: "failed", problem };
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Node.js tries both addresses of a name, and puts what happened into a list.
  const [first] = error instanceof AggregateError ? (error.errors as readonly Error[]) : [];
  const { cause } = error;
  return (first ?? (cause instanceof Error ? cause : error)).message;
}
