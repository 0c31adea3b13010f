// Stories of mux through the whole proxy: many calls on one connection, in any order.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { muxClient, muxService } from "../support/mux-peer.ts";
import { startProxy } from "../support/proxy.ts";
import { discovery } from "../support/services.ts";

/** A proxy in front of named services, found in files. */
async function proxied(
  t: TestContext,
  services: Readonly<Record<string, readonly number[]>>,
  more = "",
) {
  const disco = discovery(t, services);
  const proxy = await startProxy(
    t,
    `
namers: [{ kind: io.l5d.fs, rootDir: ${disco.rootDir} }]
routers:
- protocol: mux
  dtab: /svc => /#/io.l5d.fs ;
  servers: [{ port: 0 }]
${more}`,
  );
  return { proxy, disco };
}

test("a call goes to the service that its destination names, and its answer comes back", async (t) => {
  const users = await muxService(t, "hello ");
  const { proxy } = await proxied(t, { users: [users.port] });
  const client = await muxClient(t, proxy.port);
  const answer = await client.dispatch({ dst: "/users", payload: "world" });
  assert.deepEqual([answer.status, answer.text], [0, "hello world"]);
});
