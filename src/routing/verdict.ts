// The one place that says what an answer, or its absence, means: to retries, statistics and health.
import type { Failure } from "../core/failure.ts";
import type { Request } from "../core/request.ts";
import type { Classifier, Verdict } from "../core/classifier.ts";

/**
 * What the classifier makes of it, within what holds for all of them: a caller who left is nobody's
 * failure, and what cannot be sent again, or was sent as often as it may, is not retryable.
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

/** What was judged last. Retries, statistics and health ask of one answer right after each other. */
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
