// Connections of the admin server are bounded: they take files that calls need.
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { pageOf, startAdmin } from "./support.ts";

function deferred() {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

async function idleConnection(t: TestContext, port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  t.after(() => socket.destroy());
  await once(socket, "connect");
  return socket;
}

test("connections beyond the limit close those that have been idle the longest", async (t) => {
  const { admin, ask } = await startAdmin(t, {}, { maxConnections: 3 });
  const closed: Promise<unknown>[] = [];
  for (let i = 0; i < 20; i++) closed.push(once(await idleConnection(t, admin.port), "close"));
  await Promise.all(closed.slice(0, 17));
  assert.equal((await ask("/admin/ping")).body, "pong");
});

test("a request in progress is not cut off by idle connections, and counts as one", async (t) => {
  const asked = deferred();
  const allowed = deferred();
  const metricsJson = async () => {
    asked.resolve();
    await allowed.promise;
    return pageOf("{}");
  };
  const { admin, ask } = await startAdmin(t, { metricsJson }, { maxConnections: 1 });
  const response = ask("/admin/metrics.json");
  await asked.promise;
  await once(await idleConnection(t, admin.port), "close");
  allowed.resolve();
  assert.equal((await response).status, 200);
  assert.equal((await ask("/admin/ping")).body, "pong");
});
