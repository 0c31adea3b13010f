// What is wrong with a request or a head, in words and as a status.
import type { Failure } from "../../../src/core/failure.ts";
import type { ScanProblem } from "./head-scanner.ts";

/** A request that the codec itself refuses: a failure that knows its status. */
export interface Refusal extends Failure {
  readonly status: 400 | 408 | 414 | 417 | 431 | 501 | 505;
}

export function isRefusal(failure: Failure): failure is Refusal {
  return "status" in failure;
}

const texts: Readonly<Record<ScanProblem, string>> = {
  "line-too-long": "the start line is longer than allowed (maxInitialLineKB)",
  "fields-too-long": "the header fields are longer than allowed (maxHeadersKB)",
  "too-many-fields": "there are more header fields than allowed (maxHeaderCount)",
  "bad-start-line": "the start line is malformed",
  "bad-line-end": "a line does not end in CRLF",
  "bad-method": "the method is malformed",
  "bad-target": "the request target holds a byte that is not allowed there",
  "bad-version": "the start line has no HTTP version where one is expected",
  "unknown-version": "the HTTP version is neither 1.1 nor 1.0",
  tls: "these bytes look like TLS; this server speaks plain HTTP",
  http2: "this is HTTP/2; only HTTP/1.1 and 1.0 are spoken here",
  "bad-status": "the status code is malformed",
  "bad-reason": "the reason phrase holds a control byte",
  folded: "a header line begins with a space (folding is obsolete)",
  "bad-name": "a header name is malformed, or a space stands before its colon",
  "bad-value": "a header value holds a control byte",
};

export function problemText(problem: ScanProblem): string {
  return texts[problem];
}

/** Makes a refusal: the caller gets `status`, and the request is not forwarded. */
export function refusal(status: Refusal["status"], detail: string): Refusal {
  return { kind: status === 408 ? "timeout" : "malformed", retry: "never", detail, status };
}

export function scanRefusal(problem: ScanProblem): Refusal {
  return refusal(statusOf(problem), texts[problem]);
}

function statusOf(problem: ScanProblem): Refusal["status"] {
  switch (problem) {
    case "line-too-long":
      return 414;
    case "fields-too-long":
    case "too-many-fields":
      return 431;
    case "http2":
    case "unknown-version":
      return 505;
    default:
      return 400;
  }
}

const reasons: Readonly<Record<number, string>> = {
  400: "Bad Request",
  403: "Forbidden",
  408: "Request Timeout",
  414: "URI Too Long",
  417: "Expectation Failed",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
};

/** The registered reason phrase of a status that the proxy itself sends. */
export function reasonOf(status: number): string {
  return reasons[status] ?? "Unknown";
}
