// TRACE and `Max-Forwards`: how a caller asks each proxy on the path what it does with a call.
//
//   curl -X TRACE -H 'l5d-add-context: true' -H 'Max-Forwards: 0' http://localhost:4140/
import { Buffer } from "node:buffer";
import { showAddress } from "../../../src/core/address.ts";
import type { Clock } from "../../../src/core/clock.ts";
import { showDtab } from "../../../src/core/names/dtab.ts";
import type { ProtocolDeps } from "../../../src/core/protocol.ts";
import { ended } from "../../../src/core/service.ts";
import type { PeerInfo } from "../../../src/net/peer-info.ts";
import { noBody, wholeBody } from "../codec/body.ts";
import { fieldOf, indexOf, PassthroughFields } from "../codec/passthrough-fields.ts";
import type { Fields } from "../codec/passthrough-fields.ts";
import { refusal } from "../codec/refusal.ts";
import { requestIdOf } from "../codec/traces/l5d.ts";
import type { HttpFilter, HttpRequest, HttpResponse } from "../message.ts";

/** Fields that a reflected request does not show (RFC 9110 section 9.3.8). */
const secrets = new Set(["authorization", "cookie", "proxy-authorization", "set-cookie"]);

/** The body of a response to OPTIONS. */
const noBytes = new Uint8Array(0);

/** The caller asks for a report from each proxy on the path. */
function wantsContext(request: HttpRequest): boolean {
  if (request.method !== "TRACE" || request.hop === null) return false;
  const { passOn } = request.hop;
  return passOn !== null && fieldOf(passOn, "l5d-add-context")?.toLowerCase() === "true";
}

/**
 * RFC 9110 section 7.6.2, at the server: `Max-Forwards: 0` on TRACE or OPTIONS gets its response
 * here, a greater number is decremented. A TRACE that asks for a report is routed even so: only at
 * the wire is it known where the call would have gone.
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
    reply.start(request.method === "TRACE" ? reflection(request) : okResponse([], noBytes));
    reply.end(null);
    return ended;
  }
  if (request.hop !== null) request.hop.maxForwards = left;
  return next(request, reply);
};

/** The head of the request as received, without secrets. */
function reflection(request: HttpRequest): HttpResponse {
  let text = `TRACE ${request.target} HTTP/${request.version}\r\n`;
  if (request.host !== null) text += `Host: ${request.host}\r\n`;
  if (request.via !== null) text += `Via: ${request.via}\r\n`;
  const fields = request.fields.list;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] ?? "";
    if (!secrets.has(name.toLowerCase())) text += `${name}: ${fields[i + 1] ?? ""}\r\n`;
  }
  return okResponse(["Content-Type", "message/http"], Buffer.from(`${text}\r\n`, "latin1"));
}

function okResponse(fields: Fields, bytes: Uint8Array): HttpResponse {
  const head = { status: 200, reason: "OK", version: "1.1", via: null } as const;
  const body = bytes.length === 0 ? noBody : wholeBody(bytes);
  const passing = PassthroughFields.of(fields);
  return { ...head, fields: passing, context: null, verdict: null, body, upgrade: null };
}

interface DiagnosticDeps {
  readonly clock: Clock;
  readonly label: string;
  readonly explain: ProtocolDeps["explain"];
  /** Which callers may see internal names. */
  readonly seesInternals: (peer: PeerInfo) => boolean;
}

/**
 * At the wire: appends a report of what this proxy did to the response of a diagnostic TRACE, or
 * sends the report alone when `Max-Forwards` is exhausted.
 */
export function diagnose(deps: DiagnosticDeps): HttpFilter {
  return (request, reply, next) => {
    if (request.method !== "TRACE" || !wantsContext(request)) return next(request, reply);
    const startedMs = deps.clock.nowMs();
    const reportText = (): string => {
      if (!deps.seesInternals(request.peer)) return hidden(deps.label);
      return report(request, deps, deps.clock.nowMs() - startedMs);
    };
    if (request.hop?.maxForwards === 0) {
      reply.start(
        okResponse(["Content-Type", "text/plain; charset=utf-8"], Buffer.from(reportText())),
      );
      reply.end(null);
      return ended;
    }
    return next(request, {
      start: (response) => {
        const extended = withReport(response, reportText());
        reply.start(extended);
        // A replaced body is cancelled, which ends the call: its response must have started.
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
    `selected address: ${endpoint === null ? "none" : showAddress(endpoint)}`,
  ];
  if (hop !== null) lines.push(`request id: ${requestIdOf(hop.trace)}`);
  if (localDtab.length > 0) lines.push(`override dtab: ${showDtab(localDtab)}`);
  if (logicalName !== null && explain !== undefined) {
    lines.push("dtab resolution:", indented(explain(logicalName, localDtab)));
  }
  return `${lines.join("\n")}\n`;
}

const indented = (text: string): string => text.trimEnd().replace(/^/gm, "  ");

/** Appends `text` to a complete body; a flowing one is replaced by a note that describes it. */
function withReport(response: HttpResponse, text: string): HttpResponse {
  const { body } = response;
  const fields = response.fields.list;
  const isPlain = indexOf(fields, "content-encoding") < 0;
  if (body.whole !== null && isPlain) {
    const before = body.whole.length === 0 ? "" : "\n";
    const bytes = Buffer.concat([body.whole, Buffer.from(before + text)]);
    return { ...response, body: wholeBody(bytes) };
  }
  let note = `The response had a body that was not kept.\nstatus: ${response.status}\n`;
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
