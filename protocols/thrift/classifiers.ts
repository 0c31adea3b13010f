// What a Thrift response means: a success, a failure of the endpoint, or one worth another attempt.
//
//   routers:
//   - protocol: thrift
//     dtab: /svc => /$/inet/127.1/9090 ;
//     service:
//       responseClassifier:
//         kind: io.l5d.thrift.exceptionsAreFailures   # declared exceptions fail, too
//     servers: [{ port: 4114 }]
import * as v from "valibot";
import { transientKinds } from "../../src/core/failure.ts";
import { plugin } from "../../src/core/plugin.ts";
import type { Classifier, ClassifierPlugin } from "../../src/core/classifier.ts";
import type { Outcome } from "./codec/outcome.ts";
import type { ThriftRequest, ThriftResponse } from "./message.ts";

type ThriftClassifier = Classifier<ThriftRequest, ThriftResponse>;
type Kind = ClassifierPlugin<ThriftRequest, ThriftResponse>;

export const defaultClassifier = "io.l5d.thrift.applicationExceptionsAreFailures";

/** One kind: the responses that count against the endpoint, besides missing ones. */
interface Rule {
  readonly kind: string;
  readonly failing: ReadonlySet<Outcome | "oneway">;
  /** For services whose calls may all be carried out twice: a Thrift call does not say whether it may. */
  readonly isRetried: boolean;
}

// A service that does not carry out the call has failed; an exception that it declares is a response.
const undone: ReadonlySet<Outcome> = new Set(["application_exception"]);
const exceptions: ReadonlySet<Outcome> = new Set(["application_exception", "declared_exception"]);

const rules: readonly Rule[] = [
  { kind: defaultClassifier, failing: undone, isRetried: false },
  { kind: "io.l5d.thrift.exceptionsAreFailures", failing: exceptions, isRetried: false },
  {
    kind: "io.l5d.thrift.retryableApplicationExceptions",
    failing: undone,
    isRetried: true,
  },
  { kind: "io.l5d.thrift.allSuccessful", failing: new Set(), isRetried: false },
];

export const classifiers: readonly Kind[] = rules.map((rule) => {
  const schema = v.strictObject({ kind: v.literal(rule.kind) });
  return plugin({ kind: rule.kind, schema, create: () => classifierOf(rule) });
});

function classifierOf({ failing, isRetried }: Omit<Rule, "kind">): ThriftClassifier {
  return (_request, response, failure) => {
    if (failure !== null) {
      // A caller that disconnected says nothing about the endpoint.
      if (failure.kind === "cancelled") return "ignorable";
      return isRetried && transientKinds.has(failure.kind) ? "retryable" : "failure";
    }
    if (response === null) return "failure";
    if (!failing.has(response.outcome)) return "success";
    return isRetried && response.isFinal !== true ? "retryable" : "failure";
  };
}

const byDefault = classifierOf({ failing: undone, isRetried: false });

/** How a server counts: by the destination's verdict, else as the default kind does. */
export const serverClassifier: ThriftClassifier = (request, response, failure) =>
  failure === null && response?.verdict ? response.verdict : byDefault(request, response, failure);
