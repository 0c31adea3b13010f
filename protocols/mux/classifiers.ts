// Classifies responses: success, failure of the endpoint, or retryable failure.
//
//   routers:
//   - protocol: mux
//     dtab: /svc/users => /$/inet/127.1/8080 ;
//     service:
//       responseClassifier:
//         kind: io.l5d.mux.errorsAreFailures   # the default
//     servers: [{ port: 4141 }]
import * as v from "valibot";
import { transientKinds } from "../../src/core/failure.ts";
import { plugin } from "../../src/core/plugin.ts";
import type { Classifier, ClassifierPlugin } from "../../src/core/classifier.ts";
import type { MuxRequest, MuxResponse } from "./message.ts";
import { failureFlags } from "./codec/contexts.ts";
import { statusOk } from "./message.ts";

export const defaultClassifier = "io.l5d.mux.errorsAreFailures";

type MuxClassifier = Classifier<MuxRequest, MuxResponse>;

/** The status decides; payloads are not inspected. */
const errorsAreFailures: MuxClassifier = (_request, response, failure) => {
  // A caller that disconnects says nothing about the endpoint.
  if (failure !== null) return failure.kind === "cancelled" ? "ignorable" : "failure";
  return response !== null && response.status === statusOk ? "success" : "failure";
};

/** For the server's metrics: the path's verdict if there is one, else the status. */
export const serverClassifier: MuxClassifier = (request, response, failure) =>
  (failure === null ? response?.verdict : null) ?? errorsAreFailures(request, response, failure);

/** An endpoint that responds with Error is healthy. */
const allSuccessful: MuxClassifier = (_request, response, failure) => {
  if (failure !== null) return failure.kind === "cancelled" ? "ignorable" : "failure";
  return response === null ? "failure" : "success";
};

/** For services whose calls are all idempotent: nothing in a mux call says so. */
const retryableErrors: MuxClassifier = (request, response, failure) => {
  const verdict = errorsAreFailures(request, response, failure);
  if (verdict !== "failure") return verdict;
  if (failure !== null) return transientKinds.has(failure.kind) ? "retryable" : "failure";
  const flags = response?.flags ?? 0;
  return (flags & failureFlags.nonRetryable) === 0 ? "retryable" : "failure";
};

const kinds: readonly (readonly [kind: string, classifier: MuxClassifier])[] = [
  [defaultClassifier, errorsAreFailures],
  ["io.l5d.mux.retryableErrors", retryableErrors],
  ["io.l5d.mux.allSuccessful", allSuccessful],
];

export const classifiers = kinds.map(
  ([kind, classifier]): ClassifierPlugin<MuxRequest, MuxResponse> =>
    plugin({
      kind,
      schema: v.strictObject({ kind: v.literal(kind) }),
      create: () => classifier,
    }),
);
