// The one place that says what a response, or its absence, means to retries, statistics and health.
import type { Failure } from "../core/failure.ts";
import type { Request } from "../core/request.ts";
import type { Classifier, Verdict } from "../core/classifier.ts";

/**
 * The classifier's verdict, within rules that hold for all classifiers: a call whose caller left is not
 * a failure, and a call that cannot be sent again, or was sent as often as it may be, is not retryable.
 */
export function verdictOf<Req extends Request, Res>(
  classifier: Classifier<Req, Res>,
  request: Req,
  response: Res | null,
  failure: Failure | null,
): Verdict {
  if (failure !== null && failure.kind === "cancelled") return "ignorable";
  const verdict = judged(classifier, request, response, failure);
  if (verdict !== "retryable") return verdict;
  return request.replayable && failure?.isFinal !== true ? "retryable" : "failure";
}

/** The last verdict. Retries, statistics and health ask about one response right after each other. */
const last: {
  classifier: unknown;
  request: unknown;
  response: unknown;
  failure: unknown;
  verdict: Verdict;
} = { classifier: null, request: null, response: null, failure: null, verdict: "ignorable" };

function judged<Req extends Request, Res>(
  classifier: Classifier<Req, Res>,
  request: Req,
  response: Res | null,
  failure: Failure | null,
): Verdict {
  const isKnown =
    last.request === request &&
    last.response === response &&
    last.failure === failure &&
    last.classifier === classifier;
  if (isKnown) return last.verdict;
  last.verdict = classifier(request, response, failure);
  last.classifier = classifier;
  last.request = request;
  last.response = response;
  last.failure = failure;
  return last.verdict;
}
