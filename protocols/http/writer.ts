// Heads as text, one character a byte: everything the proxy owns is written here and only here.
import type { Verdict } from "../../src/core/protocol.ts";
import { noBody } from "./message.ts";
import type { Body, Fields, HttpRequest, HttpResponse } from "./message.ts";
import { linesOf } from "./passing.ts";
import { viaLine } from "./via.ts";

/** Texts up to this go out without an allocation (Node's own buffer for writing strings). */
export const maxJoinedBytes = 15 * 1024;

/** Where a method expects a body, its absence is said (RFC 9110 section 8.6). */
const bodyMethods = new Set(["POST", "PUT", "PATCH"]);

function requestFramingLine(method: string, body: Body): string {
  if (body === noBody) return bodyMethods.has(method) ? "Content-Length: 0\r\n" : "";
  if (body.length === null) return "Transfer-Encoding: chunked\r\n";
  return `Content-Length: ${body.length}\r\n`;
}

/** The head for an endpoint, empty line included. */
export function requestHead(request: HttpRequest): string {
  const { method, target, version, host, body } = request;
  let hostLine = version === "1.1" ? "Host:\r\n" : ""; // RFC 9112 section 3.2
  if (host !== null) hostLine = `Host: ${host}\r\n`;
  const passing = request.fields.lines + viaLine(request.via) + request.contextOut;
  const own = requestFramingLine(method, body) + rareLines(request);
  return `${method} ${target} HTTP/${version}\r\n${hostLine}${passing}${own}\r\n`;
}

function rareLines({ expectsContinue, upgrade }: HttpRequest): string {
  const expect = expectsContinue ? "Expect: 100-continue\r\n" : "";
  return upgrade === null ? expect : `${expect}Connection: Upgrade\r\nUpgrade: ${upgrade}\r\n`;
}

/** How the body of an answer goes to the caller. */
export type AnswerMode = "none" | "length" | "chunked" | "until-close";

/** RFC 9112 section 6.3: what decides is the request and the status. */
export function answerMode(request: HttpRequest, status: number, body: Body): AnswerMode {
  if (request.method === "HEAD" || status === 204 || status === 304) return "none";
  if (body.length !== null) return "length";
  return request.version === "1.0" ? "until-close" : "chunked";
}

function answerFramingLine(mode: AnswerMode, status: number, body: Body): string {
  switch (mode) {
    case "length":
      return `Content-Length: ${body.length}\r\n`;
    case "chunked":
      return "Transfer-Encoding: chunked\r\n";
    case "none":
      // What a GET would have brought; a 204 must not say any (RFC 9110 section 8.6).
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
 * `connection` is the option to send; empty where the version's default holds. `fault`: what was
 * injected into the call; absent: nothing.
 */
export function answerHead(
  answer: HttpResponse,
  mode: AnswerMode,
  connection: "" | "close" | "keep-alive",
  fault?: string,
): string {
  const { status, reason, body } = answer;
  const framing = answerFramingLine(mode, status, body);
  const option = connection === "" ? "" : `Connection: ${connection}\r\n`;
  return `HTTP/1.1 ${status} ${reason}\r\n${passingLines(answer, fault)}${framing}${option}\r\n`;
}

function passingLines({ fields, via, context, verdict }: HttpResponse, fault?: string): string {
  const told = context === null ? verdictLine(verdict) : contextLines(context, verdict);
  const lines = fields.lines + viaLine(via) + told;
  return fault === undefined ? lines : `${lines}l5d-fault: ${fault}\r\n`;
}

const successClass = "l5d-success-class";
const successLine = `${successClass}: 1.0\r\n`;
const failureLine = `${successClass}: 0.0\r\n`;

/** A call that was given up counts as nothing. */
function verdictLine(verdict: Verdict | null): string {
  if (verdict === "success") return successLine;
  return verdict === null || verdict === "ignorable" ? "" : failureLine;
}

/** Our own verdict takes the place of the one that the hop before gave. */
function contextLines(context: Fields, verdict: Verdict | null): string {
  let lines = "";
  for (let i = 0; i < context.length; i += 2) {
    const name = context[i] ?? "";
    if (name === successClass) continue;
    // It was tried again as often as it may be: the hops before must not start all over.
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

/** 101: from here on both sides speak `protocol`. */
export function switchingHead(answer: HttpResponse, protocol: string, fault?: string): string {
  const head = `HTTP/1.1 101 ${answer.reason}\r\n${passingLines(answer, fault)}`;
  return `${head}Connection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`;
}

/** The chunk that ends a chunked body, with its trailers. */
export function lastChunk(trailers: Fields): string {
  return trailers.length === 0 ? "0\r\n\r\n" : `0\r\n${linesOf(trailers)}\r\n`;
}

/** What stands before a chunk's bytes; CRLF stands behind. */
export function chunkSize(bytes: number): string {
  return `${bytes.toString(16)}\r\n`;
}
