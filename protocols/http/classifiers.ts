// What an answer means: a success, a failure of the endpoint, or one worth another try.
//
//   routers:
//   - protocol: http
//     dtab: /svc => /$/inet/127.1/8080 ;
//     service:
//       responseClassifier:
//         kind: io.l5d.http.retryableRead5XX   # 5xx is a failure, and GET and the like are retried
//     servers: [{ port: 4140 }]
import * as v from "valibot";
import type { Classifier, ClassifierPlugin, Verdict } from "../../src/core/classifier.ts";
import { transientKinds } from "../../src/core/failure.ts";
import type { Failure } from "../../src/core/failure.ts";
import { plugin } from "../../src/core/plugin.ts";
import { fieldOf } from "./codec/passthrough-fields.ts";
import type { Fields } from "./codec/passthrough-fields.ts";
import type { HttpRequest, HttpResponse } from "./message.ts";

type HttpClassifier = Classifier<HttpRequest, HttpResponse>;

export const defaultClassifier = "io.l5d.http.nonRetryable5XX";

/** One kind: what it makes of an answer, and the methods for which a bad result may be retried. */
interface Rule {
  readonly kind: string;
  answered(response: HttpResponse): "success" | "failure";
  readonly retriedMethods: ReadonlySet<string>;
}

const none: ReadonlySet<string> = new Set();

/** RFC 9110 section 9.2.1; section 9.2.2; and the rest of those that Linkerd knows. */
const reads: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE"]);
const idempotent: ReadonlySet<string> = new Set([...reads, "PUT", "DELETE"]);
const all: ReadonlySet<string> = new Set([...idempotent, "POST", "PATCH"]);

const rules: readonly Rule[] = [
  { kind: defaultClassifier, answered: failureOn5xx, retriedMethods: none },
  { kind: "io.l5d.http.retryableRead5XX", answered: failureOn5xx, retriedMethods: reads },
  {
    kind: "io.l5d.http.retryableIdempotent5XX",
    answered: failureOn5xx,
    retriedMethods: idempotent,
  },
  { kind: "io.l5d.http.retryableAll5XX", answered: failureOn5xx, retriedMethods: all },
  { kind: "io.l5d.http.allSuccessful", answered: () => "success", retriedMethods: none },
];

/** What the proxy before the service said of the answer counts first, then its status. */
function failureOn5xx(response: HttpResponse): "success" | "failure" {
  const told = response.context === null ? null : fieldOf(response.context, "l5d-success-class");
  return toldVerdict(told) ?? (response.status >= 500 ? "failure" : "success");
}

/** The verdict in `l5d-success-class`, a share of success from 0.0 to 1.0; null for anything else. */
function toldVerdict(text: string | null): "success" | "failure" | null {
  if (text === "1.0") return "success"; // what proxies of this kind write
  if (text === null || !/^(0(\.\d+)?|1(\.0+)?)$/.test(text)) return null;
  return Number(text) > 0 ? "success" : "failure";
}

/** The kind's rule, and around it what holds for all kinds; `verdictOf` adds what holds for all. */
function classifierOf(rule: Rule): HttpClassifier {
  return (request, response, failure) => {
    const verdict = failure === null && response !== null ? rule.answered(response) : "failure";
    if (verdict === "success") return "success";
    const isRetried = mayRetry(rule, request, response, failure) || isToldRetryable(response);
    return isRetried ? "retryable" : "failure";
  };
}

function mayRetry(
  rule: Rule,
  request: HttpRequest,
  response: HttpResponse | null,
  failure: Failure | null,
): boolean {
  if (!rule.retriedMethods.has(request.method)) return false;
  if (failure === null) return response !== null && response.status >= 500;
  return transientKinds.has(failure.kind);
}

/** Who answered knows that no service has acted on the request: a proxy, or a server of Finagle's. */
function isToldRetryable(response: HttpResponse | null): boolean {
  if (response === null) return false;
  const { context } = response;
  if (context !== null && fieldOf(context, "l5d-retryable") === "true") return true;
  return response.status === 503 && isNack(response.fields.list);
}

/** As Finagle's clients see it; one that must not be sent again says so. */
function isNack(fields: Fields): boolean {
  if (fieldOf(fields, "finagle-http-nonretryable-nack") !== null) return false;
  return fieldOf(fields, "finagle-http-nack") !== null || fieldOf(fields, "retry-after") === "0";
}

type Kind = ClassifierPlugin<HttpRequest, HttpResponse>;

export const classifiers: readonly Kind[] = rules.map((rule): Kind => {
  const schema = v.strictObject({ kind: v.literal(rule.kind) });
  return plugin({ kind: rule.kind, schema, create: () => classifierOf(rule) });
});

/** 429, or a 503 that says when to come back or is a nack of Finagle's: alive, and full. */
export function pushesBack({ status, fields }: HttpResponse): boolean {
  if (status === 429) return true;
  if (status !== 503) return false;
  return (
    fieldOf(fields.list, "retry-after") !== null ||
    fieldOf(fields.list, "finagle-http-nack") !== null
  );
}

/** How a server counts: by what the path said of the answer, else by the status it sends. */
export function serverClassifier(statusOf: (failure: Failure) => number): HttpClassifier {
  return (_request, response, failure): Verdict => {
    if (failure !== null) {
      return response === null && statusOf(failure) < 500 ? "success" : "failure";
    }
    if (response === null) return "failure";
    const { verdict } = response;
    if (verdict === "success") return "success";
    if (verdict === "failure" || verdict === "retryable") return "failure";
    return response.status >= 500 ? "failure" : "success";
  };
}
