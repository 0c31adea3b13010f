// TRACE and `Max-Forwards`: how a caller asks each proxy on the way what it does with a call.
//
//   curl -X TRACE -H 'l5d-add-context: true' -H 'Max-Forwards: 0' http://localhost:4140/
import { Buffer } from "node:buffer";
import type { Clock } from "../../../src/core/clock.ts";
import { showDtab } from "../../../src/core/names/dtab.ts";
import type { ProtocolDeps } from "../../../src/core/protocol.ts";
import { ended } from "../../../src/core/service.ts";
import type { PeerInfo } from "../../../src/net/peer-info.ts";
import { noBody, wholeBody } from "../codec/body.ts";
import { fieldOf, indexOf, PassthroughFields } from "../codec/passthrough-fields.ts";
import type { Fields } from "../codec/passthrough-fields.ts";
import { refusal } from "../codec/refusal.ts";
import { requestIdOf } from "../codec/trace.ts";
import type { HttpFilter, HttpRequest, HttpResponse } from "../message.ts";

/** Fields that a reflected request does not show (RFC 9110 section 9.3.8). */
const secrets = new Set(["authorization", "cookie", "proxy-authorization", "set-cookie"]);

/** The body of an answer to OPTIONS: the proxy is here, and has no more to tell. */
const noBytes = new Uint8Array(0);

/** A caller wants to know what each proxy on the way does with its call. */
function wantsContext(request: HttpRequest): boolean {
  if (request.method !== "TRACE" || request.hop === null) return false;
  const { passOn } = request.hop;
  return passOn !== null && fieldOf(passOn, "l5d-add-context")?.toLowerCase() === "true";
}

/**
 * RFC 9110 section 7.6.2, at the server: `Max-Forwards: 0` on TRACE or OPTIONS is answered here,
 * a greater one goes on less one. A TRACE that wants the proxy's context is routed all the same:
 * the wire answers it, for only there it is known where it would have gone.
 */
export const maxForwards: HttpFilter = (request, reply, next) => {
  if (request.method !== "TRACE" && request.method !== "OPTIONS") return next(request, reply);
  const fields = request.fields.list;
  const index = indexOf(fields, "max-forwards");
  if (index < 0) return next(request, reply);
  const text = fields[index + 1] ?? "";
  if (!/^\d{1,9}$/.test(text)) {
    reply.end(refusal(400, `Max-Forwards: expected a number of proxies, got "${text}"`));
    return ended;
  }
  const left = Number(text);
  if (left > 0) fields[index + 1] = String(left - 1);
  else if (!wantsContext(request)) {
    reply.start(request.method === "TRACE" ? reflection(request) : answer([], noBytes));
    reply.end(null);
    return ended;
  }
  if (request.hop !== null) request.hop.maxForwards = left;
  return next(request, reply);
};

/** The head of the request as it came here, without what is secret. */
function reflection(request: HttpRequest): HttpResponse {
  let text = `TRACE ${request.target} HTTP/${request.version}\r\n`;
  if (request.host !== null) text += `Host: ${request.host}\r\n`;
  if (request.via !== null) text += `Via: ${request.via}\r\n`;
  const fields = request.fields.list;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] ?? "";
    if (!secrets.has(name.toLowerCase())) text += `${name}: ${fields[i + 1] ?? ""}\r\n`;
  }
  return answer(["Content-Type", "message/http"], Buffer.from(`${text}\r\n`, "latin1"));
}

function answer(fields: Fields, bytes: Uint8Array): HttpResponse {
  const head = { status: 200, reason: "OK", version: "1.1", via: null } as const;
  const body = bytes.length === 0 ? noBody : wholeBody(bytes);
  const passing = PassthroughFields.of(fields);
  return { ...head, fields: passing, context: null, verdict: null, body, upgrade: null };
}

interface DiagnosticDeps {
  readonly clock: Clock;
  readonly label: string;
  readonly explain: ProtocolDeps["explain"];
  /** Internal names are only for these callers. */
  readonly mayKnow: (peer: PeerInfo) => boolean;
}

/**
 * At the wire: appends to the answer of a diagnostic TRACE what this proxy did with the call, or
 * answers it when it was to go no further.
 */
export function diagnose(deps: DiagnosticDeps): HttpFilter {
  return (request, reply, next) => {
    if (request.method !== "TRACE" || !wantsContext(request)) return next(request, reply);
    const startedMs = deps.clock.nowMs();
    const tell = (): string => {
      if (!deps.mayKnow(request.peer)) return hidden(deps.label);
      return report(request, deps, deps.clock.nowMs() - startedMs);
    };
    if (request.hop?.maxForwards === 0) {
      reply.start(answer(["Content-Type", "text/plain; charset=utf-8"], Buffer.from(tell())));
      reply.end(null);
      return ended;
    }
    return next(request, {
      start: (response) => {
        const told = withReport(response, tell());
        reply.start(told);
        // Where the body gave way: it ends the call, which has to have its answer by then.
        if (response.body.whole === null) response.body.cancel();
      },
      end: (why) => reply.end(why),
    });
  };
}

const hidden = (label: string): string =>
  `--- Router: ${label} ---\nwhat it did is not shown to this caller (key errorDetail)\n`;

function report(request: HttpRequest, { label, explain }: DiagnosticDeps, tookMs: number): string {
  const { logicalName, bound, endpoint, localDtab, hop } = request;
  const lines = [
    `--- Router: ${label} ---`,
    `request duration: ${tookMs.toFixed(1)} ms`,
    `service name: ${logicalName ?? "none"}`,
    `client name: ${bound?.id ?? "none"}`,
    `residual: ${bound?.residual ?? "/"}`,
    `selected address: ${endpoint === null ? "none" : `${endpoint.host}:${endpoint.port}`}`,
  ];
  if (hop !== null) lines.push(`request id: ${requestIdOf(hop.trace)}`);
  if (localDtab.length > 0) lines.push(`override dtab: ${showDtab(localDtab)}`);
  if (logicalName !== null && explain !== undefined) {
    lines.push("dtab resolution:", indented(explain(logicalName, localDtab)));
  }
  return `${lines.join("\n")}\n`;
}

const indented = (text: string): string => text.trimEnd().replace(/^/gm, "  ");

/** Appends `text` to a body that is here; one that flows gives way to a note of what it was. */
function withReport(response: HttpResponse, text: string): HttpResponse {
  const { body } = response;
  const fields = response.fields.list;
  const isPlain = indexOf(fields, "content-encoding") < 0;
  if (body.whole !== null && isPlain) {
    const before = body.whole.length === 0 ? "" : "\n";
    const bytes = Buffer.concat([body.whole, Buffer.from(before + text)]);
    return { ...response, body: wholeBody(bytes) };
  }
  let note = `The answer had a body that was not kept.\nstatus: ${response.status}\n`;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] ?? "";
    if (!secrets.has(name.toLowerCase())) note += `${name}: ${fields[i + 1] ?? ""}\n`;
  }
  const plain = ["Content-Type", "text/plain; charset=utf-8"];
  return {
    ...response,
    fields: PassthroughFields.of(plain),
    body: wholeBody(Buffer.from(`${note}\n${text}`)),
  };
}
