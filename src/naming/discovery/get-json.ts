// JSON from an HTTP server of discovery. undici is loaded with the first request.
import type { LookupFunction } from "node:net";
import type { Dispatcher } from "undici";

const maxBytes = 64 * 1024 * 1024;

export interface JsonRequest {
  readonly method?: "GET" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A status other than 2xx, which may be meant. */
export class StatusError extends Error {
  readonly status: number;

  constructor(status: number, text: string) {
    const reason = text.trim() === "" ? "" : `: ${text.trim().slice(0, 200)}`;
    super(`it responded with ${status}${reason}`);
    this.status = status;
  }
}

/** One server. Rejects with a text for people. */
export class JsonClient {
  readonly #origin: string;
  readonly #connect: object;
  #dispatcher: Dispatcher | null = null;

  /** `connect` are options of node:tls and node:net for its connections. */
  constructor(origin: string, connect: { readonly lookup?: LookupFunction }) {
    this.#origin = origin;
    this.#connect = connect;
  }

  async json(path: string, signal: AbortSignal, how: JsonRequest = {}): Promise<unknown> {
    const { request, Agent } = await import("undici");
    this.#dispatcher ??= new Agent({ connect: this.#connect, connections: 8 });
    const { method = "GET", headers = {}, body } = how;
    const response = await request(`${this.#origin}${path}`, {
      method,
      headers: { accept: "application/json", ...headers },
      ...(body === undefined ? {} : { body }),
      dispatcher: this.#dispatcher,
      signal,
    });
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of response.body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw new Error(`its response is longer than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
    const text = Buffer.concat(chunks).toString("utf8");
    const { statusCode } = response;
    if (statusCode < 200 || statusCode > 299) throw new StatusError(statusCode, text);
    return JSON.parse(text) as unknown;
  }

  close(): void {
    void this.#dispatcher?.destroy();
  }
}
