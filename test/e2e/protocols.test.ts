// HTTP, Thrift, ThriftMux and mux side by side: one dtab, one namer, seen alike.
import assert from "node:assert/strict";
import { test } from "node:test";
import { muxClient, muxService } from "../support/mux-peer.ts";
import { startProxy } from "../support/proxy.ts";
import { rawCaller } from "../support/raw.ts";
import { ask } from "../support/http-request.ts";
import { discovery } from "../support/discovery.ts";
import { service } from "../support/service.ts";
import { binary, framed, read, textResult } from "../support/thrift-bytes.ts";

const dtab = "/svc => /#/io.l5d.fs ; /svc/Calc => /#/io.l5d.fs/calculator";

test("four routers of four protocols share a file, a dtab and a namer", async (t) => {
  const web = await service(t, "web");
  const users = await muxService(t, "users ");
  const calculator = await muxService(t, (call) => {
    const { method, seqid } = read(call.payload);
    call.ok(binary({ method, seqid, type: 2, body: textResult("42") }));
  });
  const ports = { web: [web.port], users: [users.port], calculator: [calculator.port] };
  const { rootDir } = discovery(t, ports);
  const proxy = await startProxy(
    t,
    `
namers: [{ kind: io.l5d.fs, rootDir: ${rootDir} }]
routers:
- { protocol: http, dtab: ${dtab}, servers: [{ port: 0 }] }
- { protocol: thrift, dtab: ${dtab}, servers: [{ port: 0 }] }
- { protocol: thriftmux, dtab: ${dtab}, servers: [{ port: 0 }], client: { thriftMux: true } }
- { protocol: mux, dtab: ${dtab}, servers: [{ port: 0 }] }`,
  );
  assert.equal((await ask(proxy.portOf("http"), "/", { Host: "web" })).body, "web");
  const mux = await muxClient(t, proxy.portOf("mux"));
  assert.equal((await mux.dispatch({ dst: "/users", payload: "7" })).text, "users 7");
  const call = binary({ method: "Calc:add" });
  const thriftmux = await muxClient(t, proxy.portOf("thriftmux"));
  assert.match((await thriftmux.dispatch({ payload: call })).text, /42/);
  // A name that no file has: an exception says so.
  const thrift = rawCaller(t, proxy.portOf("thrift"));
  thrift.send(framed(binary({ method: "Nobody:ask" })));
  const length = Buffer.from(await thrift.bytes(4), "latin1").readInt32BE(0);
  assert.match(await thrift.bytes(length), /no route for "Nobody:ask" \(\/svc\/Nobody\)/);

  const expected = [
    "rt/http/service/svc/web/success",
    "rt/mux/service/svc/users/success",
    "rt/thriftmux/service/svc/Calc/success",
    "rt/mux/client/#/io.l5d.fs/users/connections",
    "rt/thriftmux/client/#/io.l5d.fs/calculator/requests",
    "rt/thrift/service/(unbound)/failures",
  ];
  for (const name of expected) assert.equal(await proxy.metric(name), 1, name);
  for (const router of ["http", "thrift", "thriftmux", "mux"]) {
    const tree = await proxy.admin(`/delegator.json?namespace=${router}&path=/svc/Calc`);
    assert.match(tree, /#\/io\.l5d\.fs\/calculator/, router);
  }
  const clients = await proxy.admin("/client_state.json");
  for (const name of ["web", "users", "calculator"]) assert.match(clients, new RegExp(name));
});
