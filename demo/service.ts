// The common part of the three services: arguments, life cycle, and calls through their own sidecar.
import { Agent } from "node:http";
import { parseArgs } from "node:util";
import {
  sendRequest,
  fieldsOf,
  header,
  json,
  problem,
  serve,
  tookMs,
  type HttpResponse,
  type HttpRequest,
  type Reply,
} from "./http.ts";
import { protocols, type Protocol } from "./via.ts";

/** What one service saw of a call that it received: the headers that the sidecars set. */
export interface Seen {
  readonly service: string;
  readonly instance: string;
  readonly host: string | null;
  /** `l5d-dst-service`: the logical name. */
  readonly logicalName: string | null;
  /** `l5d-dst-client`: what that name was bound to. */
  readonly clientName: string | null;
  /** `l5d-dst-residual`: what the binding left over; null when it left nothing. */
  readonly residual: string | null;
  readonly via: string | null;
  readonly requestId: string | null;
  /** From the head of the call to its response, inside the service. */
  readonly tookMs: number;
}

/** One call from a service to the next, as the page draws it. */
export interface Leg {
  readonly caller: string;
  readonly callee: string;
  readonly protocol: Protocol;
  /** How the protocol names the callee to the sidecar: `Host: rates`, `rates-thrift:rate`. */
  readonly called: string;
  /** Measured by the caller, including both sidecars and the callee. */
  readonly tookMs: number;
  readonly seen: unknown;
}

/** The outcome of a call to another service. `legs` lists all legs, the first one first. */
export type Called =
  | {
      readonly ok: true;
      readonly fields: Readonly<Record<string, unknown>>;
      readonly legs: unknown[];
    }
  | { readonly ok: false; readonly reply: Reply };

/** For each protocol, the ports of the service and of its sidecar. */
type Lines = Readonly<Record<Protocol, { readonly port: number; readonly outgoing: number }>>;

export interface Self {
  readonly service: string;
  readonly instance: string;
  /** The supervisor's control port, `--control`; null for services that do not need it. */
  readonly controlUrl: string | null;
  readonly lines: Lines;
  /** Calls `callee`, found by its name in the Host header, through our own sidecar. */
  call(callee: string, target: string, onBehalfOf: HttpRequest): Promise<Called>;
  /** A response with `fields` and what the service saw of the call. */
  reply(request: HttpRequest, startedMs: number, status: number, fields: object): Reply;
}

interface Arguments {
  readonly name: string;
  readonly control: string | null;
  readonly lines: Lines;
}

function argumentsOf(argv: readonly string[]): Arguments {
  const names = protocols.flatMap((each) => [each, `${each}-outgoing`]);
  const { values } = parseArgs({
    args: [...argv],
    options: {
      name: { type: "string" },
      control: { type: "string" },
      ...Object.fromEntries(names.map((each) => [each, { type: "string" } as const])),
    },
  });
  const given: Readonly<Record<string, unknown>> = values;
  const lines = protocols.map((each) => {
    const port = Number(given[each] ?? 0);
    return [each, { port, outgoing: Number(given[`${each}-outgoing`] ?? 0) }] as const;
  });
  const { name = "service", control = null } = values;
  return { name, control, lines: Object.fromEntries(lines) as Lines }; // one for each
}

type Handler = (request: HttpRequest) => Promise<Reply> | Reply;

/** Starts the service and keeps it running until SIGTERM, or until the supervisor is gone. */
export async function run(
  service: string,
  createHandler: (self: Self) => Handler | Promise<Handler>,
): Promise<void> {
  const args = argumentsOf(process.argv.slice(2));
  const { name } = args;
  const handler = await createHandler(selfOf(service, args));
  const serving = await serve(args.lines.http.port, (request) =>
    request.path === "/health" ? json(200, { instance: name }) : handler(request),
  );
  console.log(`${name} serves on 127.0.0.1:${serving.port}`);
  process.once("SIGTERM", () => void serving.close().then(() => process.exit(0)));
  process.once("disconnect", () => process.exit(0)); // the supervisor died: do not outlive it
}

function selfOf(service: string, { name: instance, control: controlUrl, lines }: Arguments): Self {
  const agent = new Agent({ keepAlive: true });
  const { outgoing } = lines.http;
  return {
    service,
    instance,
    controlUrl,
    lines,
    async call(callee, target, onBehalfOf) {
      const url = `http://127.0.0.1:${outgoing}${target}`;
      const headers = { ...contextOf(onBehalfOf), host: callee };
      try {
        return calledOf(service, callee, await sendRequest(url, { headers, agent }));
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        const text = `${service}'s own sidecar does not respond on port ${outgoing}: ${why}`;
        return { ok: false, reply: problem(502, text) };
      }
    },
    reply(request, startedMs, status, fields) {
      const seen: Seen = {
        service,
        instance,
        host: header(request, "host"),
        logicalName: header(request, "l5d-dst-service"),
        clientName: header(request, "l5d-dst-client"),
        residual: header(request, "l5d-dst-residual"),
        via: header(request, "via"),
        requestId: header(request, "l5d-reqid"),
        tookMs: tookMs(startedMs),
      };
      return json(status, { ...fields, seen });
    },
  };
}

/** A service forwards `l5d-ctx-*`: the trace, the deadline and the dtab of the first caller. */
function contextOf(request: HttpRequest): Record<string, string> {
  const names = Object.keys(request.headers).filter((name) => name.startsWith("l5d-ctx-"));
  return Object.fromEntries(names.map((name) => [name, header(request, name) ?? ""]));
}

function calledOf(caller: string, callee: string, response: HttpResponse): Called {
  const fields = fieldsOf(response.body);
  // Only sidecars set l5d-err: then no service responded, and the text says what the sidecar tried.
  if (fields === null || response.headers["l5d-err"] !== undefined) {
    const error = `${caller} could not reach ${callee}: its sidecar responded with ${response.status}`;
    return { ok: false, reply: problem(502, error, { sidecarSaid: response.body.trim() }) };
  }
  const { seen, legs, ...rest } = fields;
  if (response.status !== 200) return { ok: false, reply: json(response.status, rest) };
  const called = `Host: ${callee}`;
  const first: Leg = { caller, callee, protocol: "http", called, tookMs: response.tookMs, seen };
  return { ok: true, fields: rest, legs: [first, ...(Array.isArray(legs) ? legs : [])] };
}
