// A proxy of node:http and undici's `dispatch`, the fastest API of undici: headers forwarded unchanged,
// back-pressure in both directions, round-robin endpoints, hop-by-hop fields dropped.
// A separate process: `undici-proxy.js PORT ORIGIN_PORT...`
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { Pool, type Dispatcher } from "undici";

const [port = 0, ...origins] = process.argv.slice(2).map(Number);
const pools = origins.map((origin) => new Pool(`http://127.0.0.1:${origin}`, { pipelining: 1 }));
let next = 0;

const hopByHop = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

function passedOn(raw: readonly string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at] ?? "";
    if (!hopByHop.has(name.toLowerCase())) kept.push(name, raw[at + 1] ?? "");
  }
  return kept;
}

function hasBody(request: IncomingMessage): boolean {
  return "content-length" in request.headers || "transfer-encoding" in request.headers;
}

/** Writes the origin's response to the caller. */
function respondTo(response: ServerResponse): Dispatcher.DispatchHandler {
  let abort: ((error?: Error) => void) | null = null; // until it is on its way
  response.on("close", () => {
    if (!response.writableFinished) abort?.();
  });
  return {
    onConnect: (abortCall) => {
      abort = abortCall;
    },
    onHeaders: (status, rawHeaders, resume) => {
      const headers = rawHeaders.map((field) => field.toString("latin1"));
      response.on("drain", resume);
      response.writeHead(status, passedOn(headers));
      return true;
    },
    onData: (chunk) => response.write(chunk),
    onComplete: () => response.end(),
    onError: () => {
      if (response.headersSent) response.destroy();
      else response.writeHead(502).end();
    },
  };
}

createServer((request, response) => {
  const pool = pools[next++ % pools.length];
  pool?.dispatch(
    {
      path: request.url ?? "/",
      method: (request.method ?? "GET") as Dispatcher.HttpMethod,
      headers: passedOn(request.rawHeaders),
      body: hasBody(request) ? request : null,
    },
    respondTo(response),
  );
}).listen(port, "127.0.0.1");
