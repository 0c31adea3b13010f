// The keys that Thrift adds to a router, its servers and its client; docs/thrift.md tells of them.
import * as v from "valibot";
import { integer, milliseconds, says, truth } from "../../src/core/schema.ts";
import { accessLogKeys } from "../../src/access-log/keys.ts";

/** More than this a length that begins like text of HTTP could be taken for one. */
const maxFrameKilobytes = 1_048_576;

export const routerKeys = {
  thriftProtocol: says(
    "How values are encoded, on both sides: binary (strict and old-style) or compact.",
    v.optional(v.picklist(["binary", "compact"], "expected binary or compact"), "binary"),
  ),
  thriftTransport: says(
    "framed: as thriftFramed says; header: THeader frames, which are passed on with their headers.",
    v.optional(v.picklist(["framed", "header"], "expected framed or header"), "framed"),
  ),
  thriftMethodInDst: says(
    "Names calls by their method, too: ping is /svc/ping, and Calc:add is /svc/Calc/add.",
    v.optional(truth(), false),
  ),
  maxFrameKB: says(
    "The longest message, in either direction; longer: an exception, and the connection is closed.",
    v.optional(integer(1, maxFrameKilobytes), 10_240),
  ),
  thriftAccessLog: accessLogKeys.file,
  thriftAccessLogFormat: accessLogKeys.format,
  thriftAccessLogRollPolicy: accessLogKeys.rollPolicy,
  thriftAccessLogAppend: accessLogKeys.append,
  thriftAccessLogRotateCount: accessLogKeys.rotateCount,
  errorDetail: says(
    "Who is shown addresses, dtabs and how a name was resolved when a call fails: full: every caller; local: those on the proxy's own host; none: nobody.",
    v.optional(v.picklist(["full", "local", "none"], "expected full, local or none"), "local"),
  ),
};

export const serverKeys = {
  thriftFramed: says(
    "Callers send a length before each message; false: they do not (buffered transport).",
    v.optional(truth(), true),
  ),
  maxPipelinedCalls: says(
    "Calls of one connection that are in progress at the same time; further ones wait unread.",
    v.optional(integer(1), 100),
  ),
  stallTimeoutMs: says(
    "A call that stops arriving in the middle, or answers that are not read, for so long end the connection.",
    v.optional(milliseconds(), 60_000),
  ),
};

export const clientKeys = {
  thriftFramed: says(
    "Endpoints get a length before each message; false: they do not (buffered transport).",
    v.optional(truth(), true),
  ),
  attemptTTwitterUpgrade: says(
    "Asks each endpoint on connecting whether it knows Finagle's TTwitter protocol, and if so sends it traces, contexts, dest and dtab.",
    v.optional(truth(), false),
  ),
};

const expectedMethods = "expected true, false or a list of methods, such as [get, list]";

export const serviceKeys = {
  idempotent: says(
    "Calls that do no harm when they are sent twice, all of this name or a list of methods: they may be hedged, and sent again when a connection breaks. Never one-way calls.",
    v.optional(
      v.union(
        [truth(), v.pipe(v.array(v.pipe(v.string(), v.nonEmpty())), v.nonEmpty())],
        expectedMethods,
      ),
      false,
    ),
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
