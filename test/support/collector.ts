// A collector of traces and metrics for tests: keeps what is posted, and responds as the test says.
import { createServer } from "node:http";
import type { IncomingHttpHeaders } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { gunzipSync } from "node:zlib";
import { until } from "./until.ts";

export interface Posted {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface CollectorResponse {
  readonly status: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Collector {
  readonly port: number;
  readonly posts: readonly Posted[];
  /** What each further POST gets. */
  respond: () => CollectorResponse;
  /** Resolves when the posts are as wished. */
  until(isGood: (posts: readonly Posted[]) => boolean, what: string): Promise<void>;
}

export async function collector(t: TestContext, port = 0): Promise<Collector> {
  const posts: Posted[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const bytes = Buffer.concat(chunks);
      const { url: path = "", headers } = request;
      const body = (headers["content-encoding"] === "gzip" ? gunzipSync(bytes) : bytes).toString();
      posts.push({ path, headers, body });
      const { status, body: text = "", headers: more = {} } = made.respond();
      response.writeHead(status, { ...more }).end(text);
    });
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const made: Collector = {
    port: (server.address() as AddressInfo).port,
    posts,
    respond: () => ({ status: 202 }),
    async until(isGood, what) {
      await until(() => posts, isGood, what);
    },
  };
  return made;
}

export interface ZipkinSpan {
  readonly traceId: string;
  readonly id: string;
  readonly parentId?: string;
  readonly kind: "SERVER" | "CLIENT";
  readonly name: string;
  readonly timestamp: number;
  readonly duration: number;
  readonly localEndpoint: Readonly<Record<string, unknown>>;
  readonly remoteEndpoint: Readonly<Record<string, unknown>>;
  readonly annotations: readonly { readonly timestamp: number; readonly value: string }[];
  readonly tags: Readonly<Record<string, string>>;
}

/** All spans that came as Zipkin's JSON. */
export function zipkinSpans(posts: readonly Posted[]): ZipkinSpan[] {
  return posts
    .filter(({ path }) => path === "/api/v2/spans")
    .flatMap(({ body }) => JSON.parse(body) as ZipkinSpan[]);
}
