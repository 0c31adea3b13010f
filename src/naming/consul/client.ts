// Asks a Consul agent. The only file that knows the package `consul`, and where it falls short:
// - it cannot be cancelled by an AbortSignal, only by an emitter passed as `ctx`;
// - the index of an answer stands in the headers, which it shows only to a `ctx` that asks;
// - an answer that is cut off in its middle never settles, and a connection on which nothing was
//   said in time is left open: its requests are guarded here;
// - it sets no limit of time or of length: both are given here;
// - of a refused connection to both addresses of `localhost` it tells nothing: told here.
// It is loaded when the first question is asked, not before: it costs 10 MB.
import { EventEmitter } from "node:events";
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { ClientRequest, IncomingMessage } from "node:http";
import type { Client, ClientOptions, Outcome, Query, Registration } from "./api.ts";

const maxAnswerBytes = 64 * 1024 * 1024;
const commandTimeoutMs = 5_000;

/** As much of the package as is used; its own types leave out `ctx`, `timeout` and `_ext`. */
interface Library {
  readonly catalog: { readonly service: { nodes(options: object): Promise<unknown> } };
  readonly health: { service(options: object): Promise<unknown> };
  readonly kv: { get(options: object): Promise<unknown> };
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

export function consulClient(options: ClientOptions): Client {
  const agentOptions = { keepAlive: true, ...options.tls };
  const connections =
    options.tls === null ? new HttpAgent(agentOptions) : new HttpsAgent(agentOptions);
  let library: Promise<Library> | null = null;
  const load = () => (library ??= loaded(options, connections));

  const ask: Client["ask"] = (question, blocking, timeoutMs, done) => {
    const context = new Context();
    let isClosed = false;
    const answer = async () => {
      const client = await load();
      if (isClosed) return;
      const how = { ctx: context, timeout: timeoutMs, ...blockingOptions(blocking) };
      const outcome = await outcomeOf(() => put(client, question, how));
      if (!isClosed) done(outcome);
    };
    void answer();
    return () => {
      if (isClosed) return;
      isClosed = true;
      context.cancel();
    };
  };

  const command = (run: (client: Library, how: object) => Promise<unknown>): Promise<Outcome> =>
    outcomeOf(async () => run(await load(), { ctx: new Context(), timeout: commandTimeoutMs }));

  return {
    ask,
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
      if (outcome.kind !== "answer") return outcome;
      const { body } = outcome;
      if (typeof body !== "object" || body === null) {
        return { kind: "error", problem: `expected a map of services, got ${String(body)}` };
      }
      if (Object.hasOwn(body, id)) return outcome;
      return { kind: "missing", index: null, problem: `no service ${id}` };
    },
    close: () => connections.destroy(),
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
  const client = new Consul(options) as unknown as Library; // see there
  client._ext("onRequest", (request, next) => {
    request.transport = guarded(request.transport);
    next();
  });
  return client;
}

/** Ends a request whose answer is cut off, too long or too late. */
function guarded(transport: Transport): Transport {
  return {
    request(options) {
      const request = transport.request(options);
      request.once("timeout", () => request.destroy());
      request.once("response", (response: IncomingMessage) => {
        let bytes = 0;
        response.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes <= maxAnswerBytes) return;
          request.emit("error", new Error(`the answer is longer than ${maxAnswerBytes} bytes`));
          request.destroy();
        });
        response.once("close", () => {
          if (response.complete) return;
          request.emit("error", new Error("the connection was closed in the middle of the answer"));
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

function put(client: Library, question: Query, how: object): Promise<unknown> {
  if (question.kind === "self") return client.agent.self(how);
  const { datacenter, consistency } = question;
  const options = {
    ...how,
    ...(datacenter === null ? {} : { dc: datacenter }),
    ...(consistency === "default" ? {} : { [consistency]: true }),
  };
  if (question.kind === "key") return client.kv.get({ key: question.key, raw: true, ...options });
  const { service, tag } = question;
  const named = { service, ...(tag === null ? {} : { tag }), ...options };
  return question.kind === "catalog"
    ? client.catalog.service.nodes(named)
    : client.health.service({ ...named, passing: question.isPassingOnly });
}

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
      // It listens already when it registers.
      status: "passing",
      deregistercriticalserviceafter: deregisterAfter,
      ...(kind === "ttl"
        ? { ttl: check.ttl }
        : { http: check.url, interval: check.interval, timeout: "5s" }),
    },
  };
}

async function outcomeOf(run: () => Promise<unknown>): Promise<Outcome> {
  try {
    const [response, body] = (await run()) as [IncomingMessage, unknown]; // by `includeResponse`
    const index = indexOf(response);
    if (response.statusCode === 404) return { kind: "missing", index, problem: "not found" };
    return { kind: "answer", index, body };
  } catch (error) {
    return errorOutcome(error);
  }
}

function indexOf({ headers }: IncomingMessage): number | null {
  const text = headers["x-consul-index"];
  return typeof text === "string" && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

function errorOutcome(error: unknown): Outcome {
  const { response } = error as { readonly response?: IncomingMessage & { body?: unknown } };
  const { statusCode = 0, body } = response ?? {};
  // With a good status it is the answer's body that was not.
  if (statusCode < 300) return { kind: "error", problem: problemOf(error) };
  const text = typeof body === "string" || Buffer.isBuffer(body) ? body.toString() : "";
  const said = text.trim() === "" ? "" : `: ${text.replaceAll(/\s+/g, " ").trim().slice(0, 200)}`;
  const problem = `Consul answered ${statusCode}${said}${hintOf(statusCode)}`;
  // Consul 1.8 answers 500 to a heartbeat of what it does not know, later ones 404.
  const isMissing = statusCode === 404 || /does not have associated TTL|unknown check/i.test(text);
  return isMissing ? { kind: "missing", index: null, problem } : { kind: "error", problem };
}

function hintOf(statusCode: number): string {
  return statusCode === 403 ? " (the token must allow it: see `token`)" : "";
}

/** Of an AggregateError, which is what a host with several addresses gives, all the parts. */
function problemOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { errors } = error as Partial<AggregateError>;
  if (Array.isArray(errors)) return [...new Set(errors.map(problemOf))].join("; ");
  const { cause } = error;
  return error.message.replace(/^consul: [\w.]+: /, "") || (cause ? problemOf(cause) : error.name);
}
