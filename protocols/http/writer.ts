// Heads as text, one character a byte: everything the proxy owns is written here and only here.
import { noBody } from "./message.ts";
import type { Body, Fields, HttpRequest, HttpResponse } from "./message.ts";

/** Texts up to this go out without an allocation (Node's own buffer for writing strings). */
export const maxJoinedBytes = 15 * 1024;

function fieldLines(fields: Fields): string {
  let lines = "";
  for (let i = 0; i < fields.length; i += 2) lines += `${fields[i]}: ${fields[i + 1]}\r\n`;
  return lines;
}

/** Where a method expects a body, its absence is said (RFC 9110 section 8.6). */
const bodyMethods = new Set(["POST", "PUT", "PATCH"]);

function requestFramingLine(method: string, body: Body): string {
  if (body === noBody) return bodyMethods.has(method) ? "Content-Length: 0\r\n" : "";
  if (body.length === null) return "Transfer-Encoding: chunked\r\n";
  return `Content-Length: ${body.length}\r\n`;
}

/** The head for an endpoint, empty line included. */
export function requestHead(request: HttpRequest): string {
  const { method, body, upgrade } = request;
  let head = `${method} ${request.target} HTTP/${request.version}\r\n`;
  if (request.host !== null) head += `Host: ${request.host}\r\n`;
  else if (request.version === "1.1") head += "Host:\r\n"; // RFC 9112 section 3.2
  head += fieldLines(request.fields);
  if (request.via !== null) head += `Via: ${request.via}\r\n`;
  head += fieldLines(request.contextOut);
  head += requestFramingLine(method, body);
  if (request.expectsContinue) head += "Expect: 100-continue\r\n";
  if (upgrade !== null) head += `Connection: Upgrade\r\nUpgrade: ${upgrade}\r\n`;
  return `${head}\r\n`;
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

/** `connection` is the option to send; empty where the version's default holds. */
export function answerHead(
  answer: HttpResponse,
  mode: AnswerMode,
  connection: "" | "close" | "keep-alive",
): string {
  const { status, body } = answer;
  let head = `HTTP/1.1 ${status} ${answer.reason}\r\n`;
  head += fieldLines(answer.fields);
  if (answer.via !== null) head += `Via: ${answer.via}\r\n`;
  head += fieldLines(answer.contextOut);
  head += answerFramingLine(mode, status, body);
  if (connection !== "") head += `Connection: ${connection}\r\n`;
  return `${head}\r\n`;
}

/** 100, 103 and the like. */
export function interimHead(status: number, fields: Fields): string {
  return `HTTP/1.1 ${status} ${interimReasons[status] ?? ""}\r\n${fieldLines(fields)}\r\n`;
}

const interimReasons: Readonly<Record<number, string>> = {
  100: "Continue",
  102: "Processing",
  103: "Early Hints",
};

/** 101: from here on both sides speak `protocol`. */
export function switchingHead(answer: HttpResponse, protocol: string): string {
  let head = `HTTP/1.1 101 ${answer.reason}\r\n${fieldLines(answer.fields)}`;
  if (answer.via !== null) head += `Via: ${answer.via}\r\n`;
  head += fieldLines(answer.contextOut);
  return `${head}Connection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`;
}

/** The chunk that ends a chunked body, with its trailers. */
export function lastChunk(trailers: Fields): string {
  return trailers.length === 0 ? "0\r\n\r\n" : `0\r\n${fieldLines(trailers)}\r\n`;
}

/** What stands before a chunk's bytes; CRLF stands behind. */
export function chunkSize(bytes: number): string {
  return `${bytes.toString(16)}\r\n`;
}
