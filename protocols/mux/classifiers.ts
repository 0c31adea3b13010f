// What an answer means: a success, a failure of the endpoint, or one worth another try.
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

/** The status decides; payloads are nobody's business here. */
const errorsAreFailures: MuxClassifier = (_request, response, failure) => {
  // A caller that went away says nothing about the endpoint.
  if (failure !== null) return failure.kind === "cancelled" ? "ignorable" : "failure";
  return response !== null && response.status === statusOk ? "success" : "failure";
};

/** How a server counts: by what the path said of the answer, else by its status. */
export const serverClassifier: MuxClassifier = (request, response, failure) =>
  (failure === null ? response?.verdict : null) ?? errorsAreFailures(request, response, failure);

/** An endpoint that says Error has answered, and is well. */
const allSuccessful: MuxClassifier = (_request, response, failure) => {
  if (failure !== null) return failure.kind === "cancelled" ? "ignorable" : "failure";
  return response === null ? "failure" : "success";
};

/** For services that may act on any call twice: nothing in a call says whether it is idempotent. */
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
