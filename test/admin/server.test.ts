import { test } from "node:test";
import assert from "node:assert/strict";
import { exchange, pageOf, startAdmin } from "./support.ts";

test("an unknown path is 404 and lists the pages", async (t) => {
  const { ask } = await startAdmin(t);
  const { status, body } = await ask("/nothing");
  assert.equal(status, 404);
  assert.match(body, /^there is no page \/nothing\./);
  assert.match(body, /\n\/admin\/ping\n/);
});

test("the index lists every page in order, including those of telemeters and namers", async (t) => {
  const { ask } = await startAdmin(t, {
    exporters: () => [
      { path: "/prom", contentType: "text/plain", render: () => Promise.resolve(pageOf("x 1\n")) },
    ],
    namerStates: () => new Map([["io.l5d.fs", () => ({ watched: 2 })]]),
    interpreterStates: () => [{ router: "out", name: "io.l5d.fs/a", state: () => ["b"] }],
  });
  for (const path of ["/admin", "/admin/", "/admin/index.txt"]) {
    const lines = (await ask(path)).body.trimEnd().split("\n");
    assert.deepEqual(lines, [...lines].sort());
    for (const page of [
      "/",
      "/prom",
      "/namer_state/io.l5d.fs.json",
      "/out/interpreter_state/io.l5d.fs/a.json",
      "/admin/shutdown",
    ]) {
      assert.ok(lines.includes(page), page);
    }
  }
  assert.equal((await ask("/prom")).body, "x 1\n");
  assert.equal((await ask("/namer_state/io.l5d.fs.json")).body, '{"watched":2}\n');
  assert.equal((await ask("/out/interpreter_state/io.l5d.fs/a.json")).body, '["b"]\n');
});

test("every page that takes GET takes HEAD, and sends no body", async (t) => {
  const { ask } = await startAdmin(t);
  const pages = (await ask("/admin")).body.trimEnd().split("\n");
  for (const page of pages) {
    if (page === "/admin/shutdown") continue;
    const { status, body, headers } = await ask(page, { method: "HEAD" });
    assert.deepEqual([status, body], [page === "/delegator.json" ? 400 : 200, ""], page);
    const cached = page === "/favicon.ico" ? "public, max-age=86400" : "no-store";
    assert.equal(headers["cache-control"], cached);
  }
});

test("another method is 405 and names the right ones", async (t) => {
  const { ask } = await startAdmin(t);
  const { status, headers, body } = await ask("/admin/ping", { method: "PUT" });
  assert.equal(status, 405);
  assert.equal(headers["allow"], "GET, HEAD");
  assert.equal(body, '{"error":"/admin/ping takes GET, HEAD, not PUT"}\n');
  assert.equal((await ask("/admin/ping", { method: "POST", body: "x" })).status, 405);
});

test("a target that is not a path is 400", async (t) => {
  const { ask } = await startAdmin(t);
  assert.equal((await ask("/%zz")).status, 400);
  assert.equal((await ask("//evil.example/admin/ping")).status, 404);
});

test("a page that throws is 500 and logged, and the next request works", async (t) => {
  const { ask, logged } = await startAdmin(t, {
    clientState: () => {
      throw new Error("broken view");
    },
  });
  const { status, body } = await ask("/client_state.json");
  assert.deepEqual([status, body], [500, '{"error":"bug: broken view"}\n']);
  assert.equal(logged[0]?.event, "admin page failed");
  assert.equal((await ask("/admin/ping")).body, "pong");
});

test("a body that is too large is 413", async (t) => {
  const { ask } = await startAdmin(t);
  const body = "x".repeat(1024 * 1024 + 1);
  const headers = { "content-type": "application/json" };
  const { status } = await ask("/delegator.json", { method: "POST", headers, body });
  assert.equal(status, 413);
});

test("an address in use is an error that names it", async (t) => {
  const { admin } = await startAdmin(t);
  await assert.rejects(startAdmin(t, {}, { port: admin.port }), (error: Error) =>
    error.message.startsWith(`the admin server cannot listen on 127.0.0.1:${admin.port}: `),
  );
});

test("closing waits for a response in progress during the grace, and no longer", async (t) => {
  const { admin } = await startAdmin(t);
  const asked = exchange(admin.port, "/admin/event-loop?seconds=60");
  const failed = assert.rejects(asked, /socket hang up|ECONNRESET/);
  while ((await connectionsOf(admin.port)) === 0);
  await admin.close(50);
  await failed;
});

/** Waits until the page is in progress: its request was read before the response to the next one. */
async function connectionsOf(port: number): Promise<number> {
  return (await exchange(port, "/admin/ping")).status === 200 ? 1 : 0;
}
