// The web front end: serves the page, and asks the converter on behalf of the browser.
import { readFileSync } from "node:fs";
import {
  sendRequest,
  fieldsOf,
  isFields,
  json,
  problem,
  type HttpRequest,
  type Reply,
} from "./http.ts";
import { namesOnTheWay } from "./names.ts";
import { run, type Self } from "./service.ts";
import { isProtocol } from "./via.ts";

const page = new URL("../../demo/page.html", import.meta.url); // from dist/demo, where this runs
const keptConversions = 50;

/** One conversion as the page lists it, whether requested by the page, curl or the self-check. */
interface Conversion {
  readonly number: number;
  readonly text: string;
  /** The requested protocol between converter and rate provider. */
  readonly via: string;
  /** The rate provider that responded; null when none did. */
  readonly instance: string | null;
  readonly tookMs: number;
  readonly status: number;
}

/** The most recent conversions, newest first. */
class Recent {
  readonly #kept: Conversion[] = [];
  #count = 0;

  note(query: URLSearchParams, reply: Reply, tookMs: number): void {
    const fields = fieldsOf(reply.body) ?? {};
    const request = `${query.get("amount") ?? ""} ${query.get("from") ?? ""}`;
    const { result, to } = fields;
    const text =
      result === undefined ? `${request} to ${query.get("to")}` : `${request} = ${result} ${to}`;
    this.#count++;
    const { status } = reply;
    const instance = lastInstanceOf(fields["legs"]);
    const via = query.get("via") ?? "http";
    this.#kept.unshift({ number: this.#count, text, via, instance, tookMs, status });
    this.#kept.length = Math.min(this.#kept.length, keptConversions);
  }

  list(): readonly Conversion[] {
    return this.#kept;
  }
}

function lastInstanceOf(legs: unknown): string | null {
  const last: unknown = Array.isArray(legs) ? legs.at(-1) : null;
  const seen = isFields(last) ? last["seen"] : null;
  const instance = isFields(seen) ? seen["instance"] : null;
  return typeof instance === "string" ? instance : null;
}

/** Passes the request on to the converter and adds the headers that web received itself. */
async function relay(self: Self, request: HttpRequest, target: string): Promise<Reply> {
  const startedMs = performance.now();
  const called = await self.call("converter", target, request);
  if (!called.ok) return called.reply;
  return self.reply(request, startedMs, 200, { ...called.fields, legs: called.legs });
}

/** The supervisor's control port: `GET /status`, `POST /stop/rates-1`. It is not part of the mesh. */
async function control(self: Self, method: string, target: string): Promise<Reply> {
  if (self.controlUrl === null) return problem(404, "this web was started without --control");
  try {
    // Stopping waits for calls in progress, so it may take a while.
    const { status, body } = await sendRequest(`${self.controlUrl}${target}`, {
      method,
      timeoutMs: 30_000,
    });
    return { status, contentType: "application/json; charset=utf-8", body };
  } catch {
    return problem(502, "the demo's supervisor does not respond; is it still running?");
  }
}

async function stateOf(self: Self, recent: Recent): Promise<Reply> {
  const status = await control(self, "GET", "/status");
  const fields = fieldsOf(status.body) ?? {};
  return json(status.status, { ...fields, recent: recent.list() });
}

async function convertRequest(self: Self, recent: Recent, request: HttpRequest): Promise<Reply> {
  const startedMs = performance.now();
  const reply = await relay(self, request, `/convert?${request.query}`);
  recent.note(request.query, reply, performance.now() - startedMs);
  return reply;
}

async function namesReply(self: Self, request: HttpRequest): Promise<Reply> {
  const status = fieldsOf((await control(self, "GET", "/status")).body);
  const via = request.query.get("via") ?? "http";
  const last = isProtocol(via) ? via : "http";
  const dtab = request.query.get("dtab") ?? "";
  return json(200, { names: await namesOnTheWay(status ?? {}, dtab, last) });
}

await run("web", (self) => {
  const recent = new Recent();
  return (request) => {
    const { method, path } = request;
    const order = /^\/api(\/(?:renew|(?:stop|kill|start)\/[a-z0-9-]+))$/.exec(path)?.[1];
    if (order !== undefined) return control(self, method, order);
    if (method !== "GET" && method !== "HEAD") return problem(405, `${method} ${path}: only GET`);
    switch (path) {
      case "/":
        return {
          status: 200,
          contentType: "text/html; charset=utf-8",
          body: readFileSync(page, "utf8"), // read each time, so that edits of the page show on reload
        };
      case "/api/convert":
        return convertRequest(self, recent, request);
      case "/api/currencies":
        return relay(self, request, "/currencies");
      case "/api/state":
        return stateOf(self, recent);
      case "/api/names":
        return namesReply(self, request);
      default:
        return problem(404, `there is no ${path}; the page is at /`);
    }
  };
});
