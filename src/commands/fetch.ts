// One HTTP request of a command. The client is loaded with the first.

export interface Fetched {
  readonly status: number;
  readonly text: string;
  readonly etag: string | null;
}

export interface FetchOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

const maxBytes = 64 * 1024 * 1024;
const timeoutMs = 10_000;

/** Rejects with a text for people when there is no response, or one that is too long. */
export async function fetchFrom(url: string, options: FetchOptions = {}): Promise<Fetched> {
  const { request } = await import("undici");
  const { method = "GET", headers = {}, body } = options;
  try {
    const response = await request(url, {
      method: method as "GET",
      headers,
      ...(body === undefined ? {} : { body }),
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      signal: AbortSignal.timeout(2 * timeoutMs),
    });
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of response.body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw new Error(`the response is longer than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
    const { etag } = response.headers;
    return {
      status: response.statusCode,
      text: Buffer.concat(chunks).toString("utf8"),
      etag: typeof etag === "string" ? etag : null,
    };
  } catch (error) {
    throw new Error(`${url}: ${reasonOf(error)}`, { cause: error });
  }
}

function reasonOf(error: unknown): string {
  const { code, message, errors } = error as NodeJS.ErrnoException & { errors?: Error[] };
  if (code === "ECONNREFUSED") return "the connection was refused: nothing listens there";
  return message || (errors?.map((each) => each.message).join("; ") ?? String(error));
}
