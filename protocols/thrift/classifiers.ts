// What a Thrift answer means: a success, or a failure of the endpoint.
//
//   routers:
//   - protocol: thrift
//     dtab: /svc => /$/inet/127.1/9090 ;
//     service:
//       responseClassifier:
//         kind: io.l5d.thrift.exceptionsAreFailures   # declared exceptions fail, too
//     servers: [{ port: 4114 }]
import * as v from "valibot";
import { plugin } from "../../src/core/plugin.ts";
import type { Classifier, ClassifierPlugin } from "../../src/core/protocol.ts";
import type { Outcome } from "./envelope.ts";
import type { ThriftRequest, ThriftResponse } from "./message.ts";

type ThriftClassifier = Classifier<ThriftRequest, ThriftResponse>;
type Kind = ClassifierPlugin<ThriftRequest, ThriftResponse>;

export const defaultClassifier = "io.l5d.thrift.applicationExceptionsAreFailures";

/** By kind: the answers that count against the endpoint, beside those that never came. */
const rules: Readonly<Record<string, ReadonlySet<Outcome | "oneway">>> = {
  // A service that does not carry out the call is ill; an exception that it declares is an answer.
  [defaultClassifier]: new Set(["application_exception"]),
  "io.l5d.thrift.exceptionsAreFailures": new Set(["application_exception", "declared_exception"]),
  "io.l5d.thrift.allSuccessful": new Set(),
};

export const classifiers: readonly Kind[] = Object.entries(rules).map(([kind, failing]) => {
  const schema = v.strictObject({ kind: v.literal(kind) });
  return plugin({ kind, schema, create: () => classifierOf(failing) });
});

function classifierOf(failing: ReadonlySet<Outcome | "oneway">): ThriftClassifier {
  return (_request, response, failure) => {
    // A caller that went away says nothing about the endpoint.
    if (failure !== null) return failure.kind === "cancelled" ? "ignorable" : "failure";
    if (response === null) return "failure";
    return failing.has(response.outcome) ? "failure" : "success";
  };
}

const byDefault = classifierOf(new Set<Outcome>(["application_exception"]));

/** How a server counts: by what the path said of the answer, else as the default kind does. */
export const serverClassifier: ThriftClassifier = (request, response, failure) =>
  failure === null && response?.verdict ? response.verdict : byDefault(request, response, failure);
