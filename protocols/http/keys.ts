// The keys that HTTP adds to a router, its servers and its client; see docs/http.md.
import * as v from "valibot";
import { accessLogKeys } from "../../src/access-log/keys.ts";
import { integer, lenient, milliseconds, says, truth } from "../../src/core/schema.ts";
import { defaultLimits } from "./codec/limits.ts";
import { forwardedSchema } from "./filters/forwarded.ts";
import { propagatorSchema } from "./filters/propagation.ts";

const kilobytes = (bytes: number) => v.optional(integer(1, 1_048_576), Math.ceil(bytes / 1024));

const headerName = () =>
  v.pipe(
    v.string("expected the name of a header"),
    v.regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, "expected the name of a header, such as x-start"),
  );

const alwaysStreamed = (isStreamed: unknown) =>
  isStreamed === false
    ? {
        readAs: true,
        warning:
          "has no effect: bodies are always streamed; retryBufferKB of service says how much is kept for retries",
      }
    : null;

const notAutomatic = (level: unknown) =>
  level === -1
    ? {
        readAs: 0,
        warning: "is read as 0: responses pass as the endpoint sent them; 1 to 9 compresses",
      }
    : null;

export const routerKeys = {
  httpAccessLog: accessLogKeys.file,
  httpAccessLogFormat: says(
    "common: Linkerd's line; json: one object a line, with path, client, endpoint and duration; avro: the same as records of a container file.",
    v.optional(v.picklist(["common", "json", "avro"]), "common"),
  ),
  httpAccessLogRollPolicy: accessLogKeys.rollPolicy,
  httpAccessLogAppend: accessLogKeys.append,
  httpAccessLogRotateCount: accessLogKeys.rotateCount,
  maxHeadersKB: says(
    "Limit on all header fields of a message together; more: 431, or 502 for a response.",
    kilobytes(defaultLimits.maxHeadersBytes),
  ),
  maxInitialLineKB: says(
    "Limit on the first line of a message; longer: 414, or 502 for a response.",
    kilobytes(defaultLimits.maxInitialLineBytes),
  ),
  maxHeaderCount: says(
    "Limit on the number of header fields; more: 431, or 502 for a response.",
    v.optional(integer(1, 100_000), defaultLimits.maxHeaderCount),
  ),
  maxErrResponseKB: says(
    "Limit on the body of an error response of the proxy itself.",
    kilobytes(5120 * 1024),
  ),
  streamAfterContentLengthKB: says(
    "A body up to this is read before the request is routed, or the response passed on.",
    v.optional(integer(0, 1_048_576), defaultLimits.maxWholeBodyBytes / 1024),
  ),
  streamingEnabled: says(
    "Bodies are always streamed; false is accepted without effect.",
    v.optional(lenient(alwaysStreamed, truth()), true),
  ),
  compressionLevel: says(
    "1 (fast) to 9 (small): text is compressed for callers that accept it; 0: nothing is compressed.",
    v.optional(lenient(notAutomatic, integer(-1, 9)), 0),
  ),
  timeoutStatus: says(
    "Status of a call that took too long: 503 as Linkerd, or 504.",
    v.optional(v.picklist([503, 504], "expected 503 or 504"), 503),
  ),
  tracePropagator: says(
    "In which header fields traces come and go. The default is Linkerd's l5d-ctx-trace; others pass through untouched.",
    v.optional(propagatorSchema, { kind: "io.l5d.default" }),
  ),
  errorDetail: says(
    "Who sees addresses, dtabs and how a name was resolved when a call fails: full: every caller; local: those on the proxy's own host; none: nobody.",
    v.optional(v.picklist(["full", "local", "none"], "expected full, local or none"), "local"),
  ),
};

export const serverKeys = {
  addForwardedHeader: says(
    "Adds a Forwarded field (RFC 7239) to requests; {}: with random labels for both ends.",
    v.optional(v.nullable(forwardedSchema), null),
  ),
  timestampHeader: says(
    "Adds a field of this name with the time of arrival in milliseconds since 1970.",
    v.optional(headerName()),
  ),
  maxCallDepth: says(
    "Limit on the proxies that a request has passed, by its Via fields; more: 400.",
    v.optional(integer(1), 1000),
  ),
  headerReadTimeoutMs: says(
    "Time limit from the first byte of a request to the last of its head; longer: 408.",
    v.optional(milliseconds(), defaultLimits.headerReadTimeoutMs),
  ),
  stallTimeoutMs: says(
    "The connection is closed when a body stalls for this long.",
    v.optional(milliseconds(), defaultLimits.stallTimeoutMs),
  ),
  tunnelIdleTimeMs: says(
    "An upgraded connection (WebSocket) without traffic for this long is closed.",
    v.optional(milliseconds(), defaultLimits.tunnelIdleTimeMs),
  ),
  maxPipelinedKB: says(
    "Limit on further requests read while a response is pending; then reading pauses.",
    kilobytes(defaultLimits.maxPipelinedBytes),
  ),
  maxDrainKB: says(
    "Limit on the bytes of an unwanted body read to keep the connection; more: it is closed.",
    kilobytes(defaultLimits.maxDrainBytes),
  ),
};

export const clientKeys = {
  forwardClientCert: says(
    "Whether endpoints get the caller's certificate in x-forwarded-client-cert, which is removed from requests in any case.",
    v.optional(truth(), false),
  ),
  continueTimeoutMs: says(
    "How long to wait for an endpoint's 100 after `Expect: 100-continue`; then the body is sent.",
    v.optional(milliseconds(), 1000),
  ),
  maxDrainKB: says(
    "Limit on the bytes of an unwanted response read to keep the connection; more: it is closed.",
    kilobytes(defaultLimits.maxDrainBytes),
  ),
};

export const serviceKeys = {
  retryBufferKB: says(
    "How much of a streamed request body is kept until the response comes, so that the request can be retried.",
    v.optional(integer(0, 1_048_576), 64),
  ),
};

const routerConfig = v.object(routerKeys);
const serverConfig = v.object(serverKeys);
const clientConfig = v.object(clientKeys);
const serviceConfig = v.object(serviceKeys);

/** The parsed keys; each section also has the keys that all protocols share. */
export type RouterConfig = v.InferOutput<typeof routerConfig>;
export type ServerConfig = v.InferOutput<typeof serverConfig>;
export type ClientConfig = v.InferOutput<typeof clientConfig>;
export type ServiceConfig = v.InferOutput<typeof serviceConfig>;
