// The keys of a ThriftMux router: Thrift's and mux's, and the choice of what endpoints speak.
import { lenient, says, truth } from "../../src/core/schema.ts";
import * as v from "valibot";
import * as mux from "../mux/keys.ts";
import * as thrift from "../thrift/keys.ts";

const { thriftTransport: _framedOnly, ...thriftRouterKeys } = thrift.routerKeys;

export const routerKeys = {
  ...thriftRouterKeys,
  maxFrameKB: mux.routerKeys.maxFrameKB,
  maxFragmentKB: mux.routerKeys.maxFragmentKB,
};

const detected = (value: unknown) => ({
  readAs: value,
  warning: "has no effect: the server detects whether a caller frames its messages",
});

export const serverKeys = {
  ...mux.serverKeys,
  maxPipelinedCalls: thrift.serverKeys.maxPipelinedCalls,
  thriftFramed: says(
    "Accepted without effect: a server detects whether a caller frames its messages.",
    v.optional(lenient(detected, truth())),
  ),
};

export const { serviceKeys } = thrift;

export const clientKeys = {
  ...thrift.clientKeys,
  ...mux.clientKeys,
  thriftMux: v.pipe(
    v.optional(truth(), false),
    v.description("true: endpoints speak ThriftMux; false: plain Thrift, as with Linkerd 1."),
  ),
};

const routerConfig = v.object(routerKeys);
const serverConfig = v.object(serverKeys);
const clientConfig = v.object(clientKeys);

/** What the keys give once parsed; a section has the keys of all protocols besides. */
export type RouterConfig = v.InferOutput<typeof routerConfig>;
export type ServerConfig = v.InferOutput<typeof serverConfig>;
export type ClientConfig = v.InferOutput<typeof clientConfig>;
export type { ServiceConfig } from "../thrift/keys.ts";
