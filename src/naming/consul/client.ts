// Talks to a Consul agent. The only file that knows the package `consul`, and where it falls short:
// - a request cannot be cancelled by an AbortSignal, only by an emitter passed as `ctx`;
// - the index stands in the response headers, which the package shows only to a `ctx` that asks;
// - a response cut off in the middle never settles, and a connection that times out stays open:
//   requests are guarded here;
// - it limits neither time nor length: both limits are set here;
// - a refused connection to both addresses of `localhost` has no message: it is written here.
// It is loaded with the first query, since it takes 10 MB of memory.
import { EventEmitter } from "node:events";
import { Agent as HttpAgent } from "node:http";
import type { Agent as HttpsAgent, AgentOptions } from "node:https";
import type { ClientRequest, IncomingMessage } from "node:http";
import type { Client, ClientOptions, Outcome, Query, Registration } from "./api.ts";

const maxResponseBytes = 64 * 1024 * 1024;
const commandTimeoutMs = 5_000;

/** As much of the package as is used; its own types leave out `ctx`, `timeout` and `_ext`. */
interface Library {
  readonly catalog: { readonly service: { nodes(options: object): Promise<unknown> } };
  readonly health: { service(options: object): Promise<unknown> };
  readonly kv: {
    get(options: object): Promise<unknown>;
    keys(options: object): Promise<unknown>;
    set(options: object): Promise<unknown>;
    del(options: object): Promise<unknown>;
  };
  readonly agent: {
    self(options: object): Promise<unknown>;
    readonly service: {
      register(options: object): Promise<unknown>;
      deregister(options: object): Promise<unknown>;
      list(options: object): Promise<unknown>;
    };
    readonly check: { pass(options: object): Promise<unknown> };
  };
  _ext(
    event: "onRequest",
    run: (request: { transport: Transport }, next: () => void) => void,
  ): void;
}

interface Transport {
  request(options: object): ClientRequest;
}

/** node:https brings all of TLS, which a process without it does not carry. */
function secureAgent(options: AgentOptions): HttpsAgent {
  return new (process.getBuiltinModule("node:https").Agent)(options);
}

export function consulClient(options: ClientOptions): Client {
  const { lookup, tls } = options;
  const agentOptions = { keepAlive: true, ...tls, ...(lookup === undefined ? {} : { lookup }) };
  const connections =
    options.tls === null ? new HttpAgent(agentOptions) : secureAgent(agentOptions);
  let library: Promise<Library> | null = null;
  const load = () => (library ??= loaded(options, connections));

  const query: Client["query"] = (wanted, blocking, timeoutMs, done) => {
    const context = new Context();
    let isClosed = false;
    const run = async () => {
      const client = await load();
      if (isClosed) return;
      const how = { ctx: context, timeout: timeoutMs, ...blockingOptions(blocking) };
      const outcome = await outcomeOf(() => sendQuery(client, wanted, how), options.token);
      if (!isClosed) done(outcome);
    };
    void run();
    return () => {
      if (isClosed) return;
      isClosed = true;
      context.cancel();
    };
  };

  const command: Command = (run) =>
    outcomeOf(
      async () => run(await load(), { ctx: new Context(), timeout: commandTimeoutMs }),
      options.token,
    );

  return { query, ...commands(command), close: () => connections.destroy() };
}

type Command = (run: (client: Library, how: object) => Promise<unknown>) => Promise<Outcome>;

function commands(command: Command): Omit<Client, "query" | "close"> {
  return {
    register: (registration) =>
      command((client, how) =>
        client.agent.service.register({ ...registrationOf(registration), ...how }),
      ),
    deregister: (id) => command((client, how) => client.agent.service.deregister({ id, ...how })),
    heartbeat: (id) =>
      command((client, how) => client.agent.check.pass({ id: `service:${id}`, ...how })),
    knows: async (id) => {
      const outcome = await command((client, how) =>
        client.agent.service.list({ filter: `ID == ${JSON.stringify(id)}`, ...how }),
      );
      if (outcome.kind !== "response") return outcome;
      const { body } = outcome;
      if (typeof body !== "object" || body === null) {
        return { kind: "error", problem: `expected a map of services, got ${String(body)}` };
      }
      if (Object.hasOwn(body, id)) return outcome;
      return { kind: "missing", index: null, problem: `no service ${id}` };
    },
    write: (key, text, { cas, ...where }) =>
      command((client, how) =>
        client.kv.set({
          key,
          value: text,
          ...(cas === null ? {} : { cas: String(cas) }),
          ...placeOf(where),
          ...how,
        }),
      ),
    knowsKey: (key, where) =>
      command((client, how) => client.kv.get({ key, raw: true, ...placeOf(where), ...how })),
    erase: (key, where) =>
      command((client, how) => client.kv.del({ key, ...placeOf(where), ...how })),
  };
}

async function loaded(
  { host, port, token, tls }: ClientOptions,
  agent: HttpAgent | HttpsAgent,
): Promise<Library> {
  const { default: Consul } = await import("consul");
  const scheme = tls === null ? "http" : "https";
  const literal = host.includes(":") ? `[${host}]` : host;
  const options = {
    baseUrl: `${scheme}://${literal}:${port}/v1`,
    agent,
    ...(token === null ? {} : { defaults: { token } }),
  };
  const client = new Consul(options) as unknown as Library; // its own types are incomplete
  client._ext("onRequest", (request, next) => {
    request.transport = guarded(request.transport);
    next();
  });
  return client;
}

/** Ends a request whose response is cut off, too long or too late. */
function guarded(transport: Transport): Transport {
  return {
    request(options) {
      const request = transport.request(options);
      request.once("timeout", () => request.destroy());
      request.once("response", (response: IncomingMessage) => {
        let bytes = 0;
        response.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes <= maxResponseBytes) return;
          request.emit("error", new Error(`the response is longer than ${maxResponseBytes} bytes`));
          request.destroy();
        });
        response.once("close", () => {
          if (response.complete) return;
          request.emit(
            "error",
            new Error("the connection was closed in the middle of the response"),
          );
        });
      });
      return request;
    },
  };
}

/** What the package calls a context: it cancels a request, and asks for the whole response. */
class Context extends EventEmitter {
  readonly includeResponse = true;

  cancel(): void {
    this.emit("cancel");
  }
}

function blockingOptions(blocking: { readonly index: number; readonly waitMs: number } | null) {
  if (blocking === null) return {};
  return { index: String(blocking.index), wait: `${Math.ceil(blocking.waitMs)}ms` };
}

function sendQuery(client: Library, query: Query, how: object): Promise<unknown> {
  if (query.kind === "self") return client.agent.self(how);
  const options = { ...how, ...placeOf(query) };
  if (query.kind === "key") return client.kv.get({ key: query.key, raw: true, ...options });
  if (query.kind === "keys") {
    return client.kv.keys({ key: query.prefix, separator: "/", ...options });
  }
  const { service, tag } = query;
  const named = { service, ...(tag === null ? {} : { tag }), ...options };
  return query.kind === "catalog"
    ? client.catalog.service.nodes(named)
    : client.health.service({ ...named, passing: query.isPassingOnly });
}

/** Which data centre is asked, and how consistent its response has to be. */
function placeOf({ datacenter, consistency }: Pick<KeyQuery, "datacenter" | "consistency">) {
  return {
    ...(datacenter === null ? {} : { dc: datacenter }),
    ...(consistency === "default" ? {} : { [consistency]: true }),
  };
}

type KeyQuery = Extract<Query, { readonly kind: "key" }>;

function registrationOf({ id, name, address, port, tags, meta, check }: Registration): object {
  const { kind, deregisterAfter } = check;
  return {
    id,
    name,
    port,
    tags,
    meta,
    ...(address === null ? {} : { address }),
    check: {
      // The server listens before it registers.
      status: "passing",
      deregistercriticalserviceafter: deregisterAfter,
      ...(kind === "ttl"
        ? { ttl: check.ttl }
        : { http: check.url, interval: check.interval, timeout: "5s" }),
    },
  };
}

async function outcomeOf(run: () => Promise<unknown>, token: string | null): Promise<Outcome> {
  try {
    const [response, body] = (await run()) as [IncomingMessage, unknown]; // by `includeResponse`
    const index = indexOf(response);
    if (isFilteredOut(response, body)) return { kind: "error", problem: filteredOut };
    if (response.statusCode === 404) return { kind: "missing", index, problem: "not found" };
    return { kind: "response", index, body };
  } catch (error) {
    return errorOutcome(error, token);
  }
}

const filteredOut =
  "Consul left out everything that the token may not read (the token must allow it: see `token`)";

/** An empty list says nothing when ACLs have filtered it (Consul 1.11 and later). */
function isFilteredOut({ headers }: IncomingMessage, body: unknown): boolean {
  const isFiltered = headers["x-consul-results-filtered-by-acls"] === "true";
  return isFiltered && Array.isArray(body) && body.length === 0;
}

function indexOf({ headers }: IncomingMessage): number | null {
  const text = headers["x-consul-index"];
  return typeof text === "string" && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

function errorOutcome(error: unknown, token: string | null): Outcome {
  const { response } = error as { readonly response?: IncomingMessage & { body?: unknown } };
  const { statusCode = 0, body } = response ?? {};
  // With a good status, it was the body of the response that was bad.
  if (statusCode < 300) return { kind: "error", problem: problemOf(error) };
  const text = typeof body === "string" || Buffer.isBuffer(body) ? body.toString() : "";
  const reason = text.trim() === "" ? "" : `: ${withoutSecrets(text, token).slice(0, 200)}`;
  const problem = `Consul responded with ${statusCode}${reason}${hintOf(statusCode)}`;
  // Consul 1.8 responds with 500 to the heartbeat of an unknown check, later ones with 404.
  const isMissing = statusCode === 404 || /does not have associated TTL|unknown check/i.test(text);
  const index = response === undefined ? null : indexOf(response);
  return isMissing ? { kind: "missing", index, problem } : { kind: "error", problem };
}

/**
 * One line. Agents and proxies before them repeat the token in some of their errors, and the text goes to
 * logs and error pages: the configured token, and what looks like one, is left out.
 */
function withoutSecrets(text: string, token: string | null): string {
  const isWorthwhile = token !== null && token !== "";
  return (isWorthwhile ? text.replaceAll(token, "<token>") : text)
    .replaceAll(/[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}/gi, "<token>")
    .replaceAll(/((?:token|secret)\w*["']?\s*[:=]\s*["']?)[^\s"',;)}]+/gi, "$1<token>")
    .replaceAll(/\s+/g, " ")
    .trim();
}

function hintOf(statusCode: number): string {
  return statusCode === 403 ? " (the token must allow it: see `token`)" : "";
}

/** A host with several addresses gives an AggregateError: all of its parts. */
function problemOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { errors } = error as Partial<AggregateError>;
  if (Array.isArray(errors)) return [...new Set(errors.map(problemOf))].join("; ");
  const { cause } = error;
  return error.message.replace(/^consul: [\w.]+: /, "") || (cause ? problemOf(cause) : error.name);
}
