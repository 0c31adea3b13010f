// Heads as text, one character a byte: every field that the proxy owns is written here and only here.
import type { Verdict } from "../../../src/core/classifier.ts";
import type { HttpRequest, HttpResponse } from "../message.ts";
import { noBody } from "./body.ts";
import type { Body } from "./body.ts";
import { linesOf } from "./passthrough-fields.ts";
import type { Fields } from "./passthrough-fields.ts";
import { via11, viaLine } from "./via.ts";

/** Node writes texts up to this size from its own buffer, without an allocation. */
export const maxJoinedBytes = 15 * 1024;

/** Methods that expect a body state its absence (RFC 9110 section 8.6). */
const bodyMethods = new Set(["POST", "PUT", "PATCH"]);

function requestFramingLine(method: string, body: Body): string {
  if (body === noBody) return bodyMethods.has(method) ? "Content-Length: 0\r\n" : "";
  if (body.length === null) return "Transfer-Encoding: chunked\r\n";
  return `Content-Length: ${body.length}\r\n`;
}

/** The head for an endpoint, empty line included. */
export function requestHead(request: HttpRequest): string {
  const { target, receivedTarget, host, receivedHost, fields, via, contextOut } = request;
  const isAsReceived = target === receivedTarget && host === receivedHost;
  const opening = (isAsReceived ? fields.opening : null) ?? requestOpening(request);
  return `${opening}${viaLine(via)}${contextOut}${requestEnd(request)}`;
}

function requestOpening({ method, target, version, host, fields }: HttpRequest): string {
  let hostLine = version === "1.1" ? "Host:\r\n" : ""; // RFC 9112 section 3.2
  if (host !== null) hostLine = `Host: ${host}\r\n`;
  return `${method} ${target} HTTP/${version}\r\n${hostLine}${fields.lines}`;
}

function requestEnd({ method, body, expectsContinue, upgrade }: HttpRequest): string {
  const framing = requestFramingLine(method, body);
  const expect = expectsContinue ? "Expect: 100-continue\r\n" : "";
  if (upgrade === null) return `${framing}${expect}\r\n`;
  return `${framing}${expect}Connection: Upgrade\r\nUpgrade: ${upgrade}\r\n\r\n`;
}

/** How the body of a response is sent to the caller. */
export type ResponseMode = "none" | "length" | "chunked" | "until-close";

/** RFC 9112 section 6.3: the request and the status decide. */
export function responseMode(request: HttpRequest, status: number, body: Body): ResponseMode {
  if (request.method === "HEAD" || status === 204 || status === 304) return "none";
  if (body.length !== null) return "length";
  return request.version === "1.0" ? "until-close" : "chunked";
}

function responseFramingLine(mode: ResponseMode, status: number, body: Body): string {
  switch (mode) {
    case "length":
      return `Content-Length: ${body.length}\r\n`;
    case "chunked":
      return "Transfer-Encoding: chunked\r\n";
    case "none":
      // The length that a GET would have; a 204 must not have one (RFC 9110 section 8.6).
      return status === 204 || body.length === null || body === noBody
        ? ""
        : `Content-Length: ${body.length}\r\n`;
    case "until-close":
      return "";
    default:
      return mode satisfies never;
  }
}

/**
 * `connection` is the option to send; empty where the version's default applies. `fault` names the
 * fault that was injected into the call, if any.
 */
export function responseHead(
  response: HttpResponse,
  mode: ResponseMode,
  connection: "" | "close" | "keep-alive",
  fault?: string,
): string {
  const { status, reason, fields, body } = response;
  const isSpent = status === 503 && response.verdict === "retryable";
  const opening = isSpent
    ? `HTTP/1.1 ${status} ${reason}\r\n${linesOf(withoutNack(fields.list))}`
    : (fields.opening ?? `HTTP/1.1 ${status} ${reason}\r\n${fields.lines}`);
  const lines = opening + hopLines(response, fault);
  if (status === 426) return lines + upgradeRequiredEnd(response, mode, connection);
  if (connection === "" && mode === "length") return lines + lengthEnd(body.length ?? 0);
  const option = connection === "" ? "" : `Connection: ${connection}\r\n`;
  return `${lines}${responseFramingLine(mode, status, body)}${option}\r\n`;
}

/**
 * A nack that this proxy may not retry any more leaves as one that no Finagle client retries: each hop
 * would multiply the attempts. Finagle reads `Retry-After: 0` as a nack, too.
 */
function withoutNack(fields: Fields): Fields {
  const kept: Fields = [];
  for (let i = 0; i < fields.length; i += 2) {
    const [name = "", value = ""] = [fields[i], fields[i + 1]];
    const lower = name.toLowerCase();
    if (lower === "finagle-http-nack") kept.push("finagle-http-nonretryable-nack", value);
    else if (lower !== "retry-after" || value !== "0") kept.push(name, value);
  }
  return kept;
}

/** An Upgrade field comes with its connection option (RFC 9110 section 7.8). */
function upgradeRequiredEnd(
  { status, body, offeredUpgrade }: HttpResponse,
  mode: ResponseMode,
  connection: string,
): string {
  const isOffered = offeredUpgrade !== undefined && offeredUpgrade !== null;
  const options = [connection, isOffered ? "Upgrade" : ""].filter((option) => option !== "");
  const optionLine = options.length === 0 ? "" : `Connection: ${options.join(", ")}\r\n`;
  const upgradeLine = isOffered ? `Upgrade: ${offeredUpgrade}\r\n` : "";
  return `${responseFramingLine(mode, status, body)}${optionLine}${upgradeLine}\r\n`;
}

/** The end of the head is cached for bodies up to this length. */
const maxKnownLength = 1_024;
const lengthEnds: string[] = [];

function lengthEnd(length: number): string {
  if (length >= maxKnownLength) return `Content-Length: ${length}\r\n\r\n`;
  return (lengthEnds[length] ??= `Content-Length: ${length}\r\n\r\n`);
}

/** The lines that this hop and those before it add. */
function hopLines(response: HttpResponse, fault: string | undefined): string {
  const { via, verdict } = response;
  const context = response.hidesContext === true ? null : response.context;
  if (context === null && fault === undefined && verdict === "success" && via === via11) {
    return usualHop;
  }
  const contextAndVerdict =
    context === null ? verdictLine(verdict) : contextLines(context, verdict);
  const lines = viaLine(via) + contextAndVerdict;
  return fault === undefined ? lines : `${lines}l5d-fault: ${fault}\r\n`;
}

const successClass = "l5d-success-class";
const successLine = `${successClass}: 1.0\r\n`;
const usualHop = viaLine(via11) + successLine;
const failureLine = `${successClass}: 0.0\r\n`;

/** A cancelled call has no verdict. */
function verdictLine(verdict: Verdict | null): string {
  if (verdict === "success") return successLine;
  return verdict === null || verdict === "ignorable" ? "" : failureLine;
}

/** Our own verdict replaces that of the previous hop. */
function contextLines(context: Fields, verdict: Verdict | null): string {
  let lines = "";
  for (let i = 0; i < context.length; i += 2) {
    const name = context[i] ?? "";
    if (name === successClass) continue;
    // Our own retries are exhausted: the hops before us must not start over.
    if (name === "l5d-retryable" && verdict === "retryable") continue;
    lines += `${name}: ${context[i + 1] ?? ""}\r\n`;
  }
  return lines + verdictLine(verdict);
}

/** 100, 103 and the like. */
export function interimHead(status: number, lines: string): string {
  return `HTTP/1.1 ${status} ${interimReasons[status] ?? ""}\r\n${lines}\r\n`;
}

const interimReasons: Readonly<Record<number, string>> = {
  100: "Continue",
  102: "Processing",
  103: "Early Hints",
};

/** 101: from now on both sides speak `protocol`. */
export function switchingHead(response: HttpResponse, protocol: string, fault?: string): string {
  const lines = response.fields.lines + hopLines(response, fault);
  const head = `HTTP/1.1 101 ${response.reason}\r\n${lines}`;
  return `${head}Connection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`;
}

/** The chunk that ends a chunked body, with its trailers. */
export function lastChunk(trailers: Fields): string {
  return trailers.length === 0 ? "0\r\n\r\n" : `0\r\n${linesOf(trailers)}\r\n`;
}

/** The line before a chunk's bytes; a CRLF follows them. */
export function chunkSize(bytes: number): string {
  return `${bytes.toString(16)}\r\n`;
}
