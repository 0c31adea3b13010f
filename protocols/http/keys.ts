// The keys that HTTP adds to a router, its servers and its client; docs/http.md tells of them.
import * as v from "valibot";
import { accessLogKeys } from "../../src/access-log/keys.ts";
import { integer, milliseconds, says } from "../../src/core/schema.ts";
import { defaultLimits } from "./codec/limits.ts";
import { forwardedSchema } from "./filters/forwarded.ts";

const kilobytes = (bytes: number) => v.optional(integer(1, 1_048_576), Math.ceil(bytes / 1024));

const headerName = () =>
  v.pipe(
    v.string("expected the name of a header"),
    v.regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, "expected the name of a header, such as x-start"),
  );

export const routerKeys = {
  httpAccessLog: accessLogKeys.file,
  httpAccessLogFormat: says(
    "common: Linkerd's line; json: one object a line, with path, client, endpoint and duration.",
    v.optional(v.picklist(["common", "json"]), "common"),
  ),
  httpAccessLogRollPolicy: accessLogKeys.rollPolicy,
  httpAccessLogAppend: accessLogKeys.append,
  httpAccessLogRotateCount: accessLogKeys.rotateCount,
  maxHeadersKB: says(
    "All header fields of a message together; more: 431, or 502 for an answer.",
    kilobytes(defaultLimits.maxHeadersBytes),
  ),
  maxInitialLineKB: says(
    "The first line of a message; longer: 414, or 502 for an answer.",
    kilobytes(defaultLimits.maxInitialLineBytes),
  ),
  maxHeaderCount: says(
    "Header fields of a message; more: 431, or 502 for an answer.",
    v.optional(integer(1, 100_000), defaultLimits.maxHeaderCount),
  ),
  maxErrResponseKB: says(
    "Longest body of an error answer that the proxy writes itself.",
    kilobytes(5120 * 1024),
  ),
  streamAfterContentLengthKB: says(
    "A body up to this is read before the request is routed, or the answer passed on.",
    v.optional(integer(0, 1_048_576), defaultLimits.maxWholeBodyBytes / 1024),
  ),
  streamingEnabled: says(
    "Bodies flow through. Only true.",
    v.optional(
      v.literal(
        true,
        "not supported: bodies are always streamed; retryBufferKB of service says how much is kept for retries",
      ),
      true,
    ),
  ),
  timeoutStatus: says(
    "Status of a call that took too long: 503 as Linkerd, or 504.",
    v.optional(v.picklist([503, 504], "expected 503 or 504"), 503),
  ),
  errorDetail: says(
    "Who is shown addresses, dtabs and how a name was resolved when a call fails: full: every caller; local: those on the proxy's own host; none: nobody.",
    v.optional(v.picklist(["full", "local", "none"], "expected full, local or none"), "local"),
  ),
};

export const serverKeys = {
  addForwardedHeader: says(
    "Adds a Forwarded field (RFC 7239) to requests; {}: with random labels for both ends.",
    v.optional(v.nullable(forwardedSchema), null),
  ),
  timestampHeader: says(
    "A field of this name tells the service when the request came: milliseconds since 1970.",
    v.optional(headerName()),
  ),
  maxCallDepth: says(
    "Proxies that a request may have passed, by its Via fields; more: 400.",
    v.optional(integer(1), 1000),
  ),
  headerReadTimeoutMs: says(
    "From the first byte of a request to the last of its head; longer: 408.",
    v.optional(milliseconds(), defaultLimits.headerReadTimeoutMs),
  ),
  stallTimeoutMs: says(
    "A body that does not flow for so long ends the connection.",
    v.optional(milliseconds(), defaultLimits.stallTimeoutMs),
  ),
  tunnelIdleTimeMs: says(
    "An upgraded connection (WebSocket) without a byte for so long is closed.",
    v.optional(milliseconds(), defaultLimits.tunnelIdleTimeMs),
  ),
  maxPipelinedKB: says(
    "Bytes of further requests that are read while an answer is owed; then reading pauses.",
    kilobytes(defaultLimits.maxPipelinedBytes),
  ),
  maxDrainKB: says(
    "Bytes of a body nobody wants that are read to keep the connection; more: it is closed.",
    kilobytes(defaultLimits.maxDrainBytes),
  ),
};

export const clientKeys = {
  forwardClientCert: says(
    "Only false: x-forwarded-client-cert is removed from requests.",
    v.optional(
      v.literal(false, "not supported yet: it needs TLS, which is not there yet; write false"),
      false,
    ),
  ),
  continueTimeoutMs: says(
    "How long an endpoint may take to say 100 to `Expect: 100-continue`; then the body is sent.",
    v.optional(milliseconds(), 1000),
  ),
  maxDrainKB: says(
    "Bytes of an answer nobody wants that are read to keep the connection; more: it is closed.",
    kilobytes(defaultLimits.maxDrainBytes),
  ),
};

export const serviceKeys = {
  retryBufferKB: says(
    "Of a request body that flows, as much is kept until the answer comes, so that the request can be sent again.",
    v.optional(integer(0, 1_048_576), 64),
  ),
};

const routerConfig = v.object(routerKeys);
const serverConfig = v.object(serverKeys);
const clientConfig = v.object(clientKeys);
const serviceConfig = v.object(serviceKeys);

/** What the keys give once parsed; a section has the keys of all protocols besides. */
export type RouterConfig = v.InferOutput<typeof routerConfig>;
export type ServerConfig = v.InferOutput<typeof serverConfig>;
export type ClientConfig = v.InferOutput<typeof clientConfig>;
export type ServiceConfig = v.InferOutput<typeof serviceConfig>;
