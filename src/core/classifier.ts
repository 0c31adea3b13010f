// What a response, or its absence, means: for retries, statistics and the health of an endpoint.
import type { Failure } from "./failure.ts";
import type { Plugin } from "./plugin.ts";
import type { GenericSchema } from "./schema.ts";

/** What a response, or its absence, means for retries and for the endpoint's health. */
export type Verdict = "success" | "failure" | "retryable" | "ignorable";

/** `response` is null when the call failed before its head came. */
export type Classifier<Req, Res> = (
  request: Req,
  response: Res | null,
  failure: Failure | null,
) => Verdict;

/** Counts one ended call in the protocol's own terms, such as `status/200` and `time/2XX`. */
export type ResponseCounter<Res> = (
  response: Res | null,
  failure: Failure | null,
  latencyMs: number,
) => void;

export type ClassifierPlugin<Req, Res> = Plugin<GenericSchema, void, Classifier<Req, Res>>;
