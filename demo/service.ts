// What the three services have in common: arguments, life, and calls through their own sidecar.
import { Agent } from "node:http";
import { parseArgs } from "node:util";
import {
  ask,
  fieldsOf,
  header,
  json,
  problem,
  serve,
  tookMs,
  type Answer,
  type Asked,
  type Reply,
} from "./http.ts";
import { protocols, type Protocol } from "./via.ts";

/** What one service saw of a call that reached it: the headers that the sidecars set. */
export interface Seen {
  readonly service: string;
  readonly instance: string;
  readonly host: string | null;
  /** `l5d-dst-service`: the logical name. */
  readonly logicalName: string | null;
  /** `l5d-dst-client`: what that name was bound to. */
  readonly clientName: string | null;
  /** `l5d-dst-residual`: what the binding left over; null when nothing. */
  readonly residual: string | null;
  readonly via: string | null;
  readonly requestId: string | null;
  /** From the head of the call to its answer, inside the service. */
  readonly tookMs: number;
}

/** One call from a service to the next, as the page draws it. */
export interface Leg {
  readonly caller: string;
  readonly callee: string;
  readonly protocol: Protocol;
  /** As the protocol says it to the sidecar: `Host: rates`, `rates-thrift:rate`. */
  readonly called: string;
  /** As the caller measured it: both sidecars and the callee included. */
  readonly tookMs: number;
  readonly seen: unknown;
}

/** How a call to another service ended. `legs` is the whole way, the first leg in front. */
export type Called =
  | {
      readonly ok: true;
      readonly fields: Readonly<Record<string, unknown>>;
      readonly legs: unknown[];
    }
  | { readonly ok: false; readonly reply: Reply };

/** For each protocol where we listen, and where our sidecar does. */
type Lines = Readonly<Record<Protocol, { readonly port: number; readonly outgoing: number }>>;

export interface Self {
  readonly service: string;
  readonly instance: string;
  /** The supervisor's control port, `--control`; null for services that need it not. */
  readonly controlUrl: string | null;
  readonly lines: Lines;
  /** Calls `callee`, found by its name in the Host header, through our own sidecar. */
  call(callee: string, target: string, onBehalfOf: Asked): Promise<Called>;
  /** Answers with `fields` and with what we saw of the call. */
  answer(asked: Asked, startedMs: number, status: number, fields: object): Reply;
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

type AnswerTo = (asked: Asked) => Promise<Reply> | Reply;

/** Starts the service and keeps it running until SIGTERM, or until the supervisor is gone. */
export async function run(
  service: string,
  answerOf: (self: Self) => AnswerTo | Promise<AnswerTo>,
): Promise<void> {
  const args = argumentsOf(process.argv.slice(2));
  const { name } = args;
  const answer = await answerOf(selfOf(service, args));
  const serving = await serve(args.lines.http.port, (asked) =>
    asked.path === "/health" ? json(200, { instance: name }) : answer(asked),
  );
  console.log(`${name} serves on 127.0.0.1:${serving.port}`);
  process.once("SIGTERM", () => void serving.close().then(() => process.exit(0)));
  process.once("disconnect", () => process.exit(0)); // the supervisor died: leave no orphan
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
        return calledOf(service, callee, await ask(url, { headers, agent }));
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        const text = `${service}'s own sidecar does not answer on port ${outgoing}: ${why}`;
        return { ok: false, reply: problem(502, text) };
      }
    },
    answer(asked, startedMs, status, fields) {
      const seen: Seen = {
        service,
        instance,
        host: header(asked, "host"),
        logicalName: header(asked, "l5d-dst-service"),
        clientName: header(asked, "l5d-dst-client"),
        residual: header(asked, "l5d-dst-residual"),
        via: header(asked, "via"),
        requestId: header(asked, "l5d-reqid"),
        tookMs: tookMs(startedMs),
      };
      return json(status, { ...fields, seen });
    },
  };
}

/** A service passes `l5d-ctx-*` on: the trace, the deadline and the dtab of the first caller. */
function contextOf(asked: Asked): Record<string, string> {
  const names = Object.keys(asked.headers).filter((name) => name.startsWith("l5d-ctx-"));
  return Object.fromEntries(names.map((name) => [name, header(asked, name) ?? ""]));
}

function calledOf(caller: string, callee: string, answer: Answer): Called {
  const fields = fieldsOf(answer.body);
  // Only sidecars set l5d-err: then no service answered, and the text says what the sidecar tried.
  if (fields === null || answer.headers["l5d-err"] !== undefined) {
    const error = `${caller} could not reach ${callee}: its sidecar answered ${answer.status}`;
    return { ok: false, reply: problem(502, error, { sidecarSaid: answer.body.trim() }) };
  }
  const { seen, legs, ...rest } = fields;
  if (answer.status !== 200) return { ok: false, reply: json(answer.status, rest) };
  const called = `Host: ${callee}`;
  const first: Leg = { caller, callee, protocol: "http", called, tookMs: answer.tookMs, seen };
  return { ok: true, fields: rest, legs: [first, ...(Array.isArray(legs) ? legs : [])] };
}
