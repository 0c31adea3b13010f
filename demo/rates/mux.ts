// The rate provider over mux with Avro payloads: its server, and its client in the converter.
import { createServer } from "node:net";
import { header, tookMs, type HttpRequest } from "../http.ts";
import { dialMux, type MuxClient } from "../mux/client.ts";
import type { MuxResponse, Pairs } from "../mux/message.ts";
import { MuxServiceSession, usualOptions, type MuxCall } from "../mux/server.ts";
import { decode, encode } from "./avro.ts";
import type { RateOutcome, RateClient } from "./client.ts";
import { rateBetween, type Table } from "../table.ts";

const callee = "/rates-mux";
const responseTimeoutMs = 5_000;
const traceContext = "com.twitter.finagle.tracing.TraceContext";
const deadlineContext = "com.twitter.finagle.Deadline";

/** Serves on the loopback address. Rejects when the port is taken. */
export function serveMuxRates(port: number, instance: string, table: Table): Promise<void> {
  const handle = (call: MuxCall) => {
    const startedMs = performance.now();
    const question = decode(call.payload);
    if (question?.kind !== "Question") return call.error("expected a Question of idl/rates.avsc");
    const found = rateBetween(table, question.source, question.target);
    if ("unknown" in found) {
      return call.ok(encode({ kind: "UnknownCurrency", text: found.unknown }));
    }
    const route = { destination: call.dst, requestId: requestIdOf(call) };
    const took = tookMs(startedMs);
    return call.ok(encode({ kind: "Rate", ...found, ...route, instance, tookMs: took }));
  };
  const server = createServer({ noDelay: true }, (socket) => {
    void new MuxServiceSession(socket, usualOptions, handle, () => {});
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
}

/** The format of `l5d-reqid`: the lower half of the trace id. */
function requestIdOf({ contexts }: MuxCall): string | null {
  const trace = contexts.find(([key]) => key === traceContext)?.[1];
  return trace?.toString("hex", 16, 24) ?? null;
}

/** Calls through the sidecar's port, over one connection that is opened on demand. */
export class MuxRates implements RateClient {
  readonly protocol = "mux";
  readonly called = `destination ${callee}`;
  readonly #port: number;
  #opening: Promise<MuxClient> | null = null;

  constructor(port: number) {
    this.#port = port;
  }

  async request(source: string, target: string, onBehalfOf: HttpRequest): Promise<RateOutcome> {
    const client = await (this.#opening ??= this.#open());
    const response = client.dispatch({
      dst: callee,
      contexts: contextsOf(onBehalfOf),
      dtab: dtabOf(onBehalfOf),
      payload: encode({ kind: "Question", source, target }),
    });
    const first = await Promise.race([response, client.closed(), inTime()]);
    if (first === undefined) return { kind: "failed", text: client.closeReason };
    if (first !== "too late") return outcomeOf(first);
    client.socket.destroy();
    return { kind: "failed", text: `no response within ${responseTimeoutMs} ms` };
  }

  async #open(): Promise<MuxClient> {
    const client = dialMux(this.#port);
    void client.closed().then(() => {
      this.#opening = null;
    });
    await Promise.race([client.shakeHands(usualOptions.maxFragment ?? 1), client.closed()]);
    return client;
  }
}

function inTime(): Promise<"too late"> {
  return new Promise((resolve) => setTimeout(() => resolve("too late"), responseTimeoutMs).unref());
}

function outcomeOf({ status, text, payload }: MuxResponse): RateOutcome {
  const message = status === 0 ? decode(payload) : null;
  if (message?.kind === "UnknownCurrency") return { kind: "unknown", text: message.text };
  if (message?.kind !== "Rate")
    return { kind: "failed", text: text || "a response without a rate" };
  const { destination, requestId } = message;
  return { kind: "rate", response: message, seen: { residual: destination || null, requestId } };
}

/** Translates the HTTP context headers: mux carries the same trace and deadline, as bytes. */
function contextsOf(request: HttpRequest): Pairs {
  const trace = header(request, "l5d-ctx-trace");
  const deadline = /^(\d+) (\d+)$/.exec(header(request, "l5d-ctx-deadline") ?? "");
  const contexts: [string, Buffer][] = [];
  if (trace !== null) contexts.push([traceContext, Buffer.from(trace, "base64")]);
  if (deadline !== null) {
    const bytes = Buffer.alloc(16);
    bytes.writeBigInt64BE(BigInt(deadline[1] ?? 0), 0);
    bytes.writeBigInt64BE(BigInt(deadline[2] ?? 0), 8);
    contexts.push([deadlineContext, bytes]);
  }
  return contexts;
}

/** The dtab of the request, for mux's dtab field. */
function dtabOf(request: HttpRequest): readonly (readonly [prefix: string, tree: string])[] {
  const dentries = (header(request, "l5d-ctx-dtab") ?? "").split(";");
  return dentries.flatMap((each) => {
    const [prefix = "", tree] = each.split("=>").map((part) => part.trim());
    return tree === undefined ? [] : [[prefix, tree] as const];
  });
}
