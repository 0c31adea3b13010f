// What a response means: a success, a failure of the endpoint, or a failure worth another attempt.
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
import { cameThroughProxy } from "./codec/via.ts";
import type { Fields } from "./codec/passthrough-fields.ts";
import type { HttpRequest, HttpResponse } from "./message.ts";

type HttpClassifier = Classifier<HttpRequest, HttpResponse>;

export const defaultClassifier = "io.l5d.http.nonRetryable5XX";

/** One kind: its verdict on a response, and the methods for which a failure may be retried. */
interface Rule {
  readonly kind: string;
  verdictOn(response: HttpResponse): "success" | "failure";
  readonly retriedMethods: ReadonlySet<string>;
}

const none: ReadonlySet<string> = new Set();

/** RFC 9110 sections 9.2.1 and 9.2.2; then the other methods that Linkerd knows. */
const reads: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE"]);
const idempotent: ReadonlySet<string> = new Set([...reads, "PUT", "DELETE"]);
const all: ReadonlySet<string> = new Set([...idempotent, "POST", "PATCH"]);

const rules: readonly Rule[] = [
  { kind: defaultClassifier, verdictOn: failureOn5xx, retriedMethods: none },
  { kind: "io.l5d.http.retryableRead5XX", verdictOn: failureOn5xx, retriedMethods: reads },
  {
    kind: "io.l5d.http.retryableIdempotent5XX",
    verdictOn: failureOn5xx,
    retriedMethods: idempotent,
  },
  { kind: "io.l5d.http.retryableAll5XX", verdictOn: failureOn5xx, retriedMethods: all },
  { kind: "io.l5d.http.allSuccessful", verdictOn: () => "success", retriedMethods: none },
];

/** The verdict of a proxy in front of the service, but not of the service, overrides the status. */
function failureOn5xx({ context, status, via }: HttpResponse): "success" | "failure" {
  const stated = context === null ? null : statedVerdict(fieldOf(context, "l5d-success-class"));
  if (stated !== null && cameThroughProxy(via)) return stated;
  return status >= 500 ? "failure" : "success";
}

/** The verdict in `l5d-success-class`, a share of success from 0.0 to 1.0; null for anything else. */
function statedVerdict(text: string | null): "success" | "failure" | null {
  if (text === "1.0") return "success"; // as Linkerd and this proxy write it
  if (text === null || !/^(0(\.\d+)?|1(\.0+)?)$/.test(text)) return null;
  return Number(text) > 0 ? "success" : "failure";
}

/** Applies the kind's rule, and the rules that all kinds share. */
function classifierOf(rule: Rule): HttpClassifier {
  return (request, response, failure) => {
    const verdict = failure === null && response !== null ? rule.verdictOn(response) : "failure";
    if (verdict === "success") return "success";
    const isRetried = mayRetry(rule, request, response, failure) || isMarkedRetryable(response);
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

/** A proxy or a Finagle server states that no service has acted on the request. */
function isMarkedRetryable(response: HttpResponse | null): boolean {
  if (response === null) return false;
  const { context } = response;
  if (context !== null && fieldOf(context, "l5d-retryable") === "true") return true;
  return response.status === 503 && isNack(response.fields.list);
}

/** As Finagle's clients read it; a nack that must not be retried is marked as such. */
function isNack(fields: Fields): boolean {
  if (fieldOf(fields, "finagle-http-nonretryable-nack") !== null) return false;
  return fieldOf(fields, "finagle-http-nack") !== null || fieldOf(fields, "retry-after") === "0";
}

type Kind = ClassifierPlugin<HttpRequest, HttpResponse>;

export const classifiers: readonly Kind[] = rules.map((rule): Kind => {
  const schema = v.strictObject({ kind: v.literal(rule.kind) });
  return plugin({ kind: rule.kind, schema, create: () => classifierOf(rule) });
});

/** 429, or a 503 with Retry-After or a Finagle nack: the endpoint is alive but full. */
export function pushesBack({ status, fields }: HttpResponse): boolean {
  if (status === 429) return true;
  if (status !== 503) return false;
  return (
    fieldOf(fields.list, "retry-after") !== null ||
    fieldOf(fields.list, "finagle-http-nack") !== null
  );
}

/** How a server counts: by the service's verdict if there is one, else by the status it sends. */
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
