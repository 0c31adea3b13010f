// A call that is sent beside the first.
import assert from "node:assert/strict";
import { test } from "node:test";
import { readDispatch } from "../../../protocols/mux/codec/readers.ts";
import { copyOf, muxOf } from "../../../protocols/thriftmux/message.ts";
import { thriftRequestIn } from "../../../protocols/thriftmux/codec/payload.ts";
import { dispatchBody } from "../../support/mux-peer.ts";
import { binary } from "../../support/thrift-bytes.ts";

const peer = {
  remoteHost: "127.0.0.1",
  remotePort: 1,
  localHost: "127.0.0.1",
  localPort: 2,
  isLocal: true,
  identity: null,
};

test("what the wire writes into a copy and its mux message is not seen in the original", () => {
  const body = dispatchBody({ payload: binary({ method: "get" }), contexts: [["a", "b"]] });
  const mux = readDispatch(Buffer.concat([Buffer.alloc(8), body]));
  assert.ok(!("problem" in mux));
  const call = thriftRequestIn(mux, peer, { protocol: "binary", isNamedByMethod: true });
  assert.ok(typeof call !== "string");
  const copy = copyOf(call);
  const inner = muxOf(copy);
  assert.ok(inner !== null && inner !== mux);
  assert.equal(copy.method, "get");
  assert.deepEqual(inner, mux);
  copy.deadlineMs = inner.deadlineMs = 5;
  assert.deepEqual([call.deadlineMs, mux.deadlineMs], [Infinity, Infinity]);
});
