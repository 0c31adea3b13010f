// The keys that Thrift adds to a router, its servers and its client; documented in docs/thrift.md.
import * as v from "valibot";
import { integer, milliseconds, says, truth } from "../../src/core/schema.ts";
import { accessLogKeys } from "../../src/access-log/keys.ts";

/** A larger limit could take the first bytes of HTTP text for the length of a frame. */
const maxFrameKilobytes = 1_048_576;

export const routerKeys = {
  thriftProtocol: says(
    "The Thrift protocol of both sides: binary (strict and old-style) or compact.",
    v.optional(v.picklist(["binary", "compact"], "expected binary or compact"), "binary"),
  ),
  thriftTransport: says(
    "framed: see thriftFramed; header: THeader frames, which are passed on with their headers.",
    v.optional(v.picklist(["framed", "header"], "expected framed or header"), "framed"),
  ),
  thriftMethodInDst: says(
    "Name calls by their method as well: ping is /svc/ping, and Calc:add is /svc/Calc/add.",
    v.optional(truth(), false),
  ),
  maxFrameKB: says(
    "The longest message, in either direction. A longer one fails its call; without frames it closes the connection.",
    v.optional(integer(1, maxFrameKilobytes), 10_240),
  ),
  thriftAccessLog: accessLogKeys.file,
  thriftAccessLogFormat: accessLogKeys.format,
  thriftAccessLogRollPolicy: accessLogKeys.rollPolicy,
  thriftAccessLogAppend: accessLogKeys.append,
  thriftAccessLogRotateCount: accessLogKeys.rotateCount,
  errorDetail: says(
    "Who sees addresses, dtabs and how a name was resolved when a call fails. full: every caller; local: callers on the proxy's own host; none: nobody.",
    v.optional(v.picklist(["full", "local", "none"], "expected full, local or none"), "local"),
  ),
};

export const serverKeys = {
  thriftFramed: says(
    "true: callers send a length before each message; false: they do not (buffered transport).",
    v.optional(truth(), true),
  ),
  maxPipelinedCalls: says(
    "Calls of one connection that are in progress at the same time; further ones wait unread.",
    v.optional(integer(1), 100),
  ),
  stallTimeoutMs: says(
    "How long a request may stop arriving in its middle, or responses stay unread, before the connection is closed.",
    v.optional(milliseconds(), 60_000),
  ),
};

export const clientKeys = {
  thriftFramed: says(
    "true: endpoints get a length before each message; false: they do not (buffered transport).",
    v.optional(truth(), true),
  ),
  attemptTTwitterUpgrade: says(
    "Ask each endpoint on connecting whether it knows Finagle's TTwitter protocol; if so, send it traces, contexts, dest and dtab.",
    v.optional(truth(), false),
  ),
};

const expectedMethods = "expected true, false or a list of methods, such as [get, list]";

export const serviceKeys = {
  idempotent: says(
    "Calls that may safely be sent twice: all of this name, or a list of methods. They may be hedged, and sent again when a connection breaks. One-way calls never are.",
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

/** The parsed keys; a section holds the keys common to all protocols as well. */
export type RouterConfig = v.InferOutput<typeof routerConfig>;
export type ServerConfig = v.InferOutput<typeof serverConfig>;
export type ClientConfig = v.InferOutput<typeof clientConfig>;
export type ServiceConfig = v.InferOutput<typeof serviceConfig>;
