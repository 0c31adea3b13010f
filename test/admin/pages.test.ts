import { test } from "node:test";
import assert from "node:assert/strict";
import { startAdmin } from "./support.ts";

const form = { "content-type": "application/x-www-form-urlencoded" };

test("ping, server info and configuration", async (t) => {
  const { ask } = await startAdmin(t);
  assert.equal((await ask("/admin/ping")).body, "pong");
  const info = JSON.parse((await ask("/admin/server_info")).body) as Record<string, unknown>;
  assert.equal(info["name"], "switchyard");
  assert.equal(info["version"], "0.1.0");
  assert.equal(info["pid"], process.pid);
  assert.ok(Number(info["uptime"]) > 0);
  assert.ok(
    Math.abs(Date.parse(String(info["start_time"])) + Number(info["uptime"]) - Date.now()) < 5_000,
  );
  assert.equal(
    (await ask("/config.json")).body,
    '{"routers":[{"protocol":"http","label":"http"}]}\n',
  );
});

test("ready is 503 with the reason until all servers listen, and while draining", async (t) => {
  let why: string | null = "starting: not all servers listen yet";
  const { ask } = await startAdmin(t, { notReady: () => why });
  const first = await ask("/admin/ready");
  assert.deepEqual([first.status, first.body], [503, `${why}\n`]);
  why = null;
  assert.equal((await ask("/admin/ready")).status, 200);
  why = "draining: SIGTERM";
  assert.equal((await ask("/admin/ready")).status, 503);
});

test("metrics pass on their parameters, under both paths", async (t) => {
  const { ask } = await startAdmin(t);
  for (const path of ["/admin/metrics.json", "/metrics.json"]) {
    const { body, headers } = await ask(`${path}?pretty=1&q=rt/%23/x`);
    assert.deepEqual(JSON.parse(body), { below: "rt/#/x", isPretty: true, isTree: false });
    assert.match(headers["content-type"] ?? "", /^application\/json/);
  }
  assert.deepEqual(JSON.parse((await ask("/metrics.json?tree=true&pretty=0")).body), {
    below: null,
    isPretty: false,
    isTree: true,
  });
  const { status, body } = await ask("/admin/metrics.json?q=none");
  assert.deepEqual([status, body], [404, '{"error":"No such subtree: none"}\n']);
});

test("shutdown takes a POST, responds, and only then begins", async (t) => {
  const graces: (number | null)[] = [];
  const { ask } = await startAdmin(t, { shutdown: (graceMs) => void graces.push(graceMs) });
  const wrong = await ask("/admin/shutdown");
  assert.equal(wrong.status, 405);
  assert.match(wrong.body, /takes POST, not GET: curl -X POST/);
  const post = (query: string) => ask(`/admin/shutdown${query}`, { method: "POST" });
  assert.equal((await post("?grace=soon")).status, 400);
  assert.equal((await post("?grace=5.fortnights")).status, 400);
  for (const query of [
    "",
    "?grace=500",
    "?grace=20ms",
    "?grace=10s",
    "?grace=3.seconds",
    "?grace=1.minute",
  ]) {
    assert.equal((await post(query)).body, "quitting\n");
  }
  assert.deepEqual(graces, [null, 500, 20, 10_000, 3_000, 60_000]);
});

test("log levels are listed and set by a form", async (t) => {
  const set: string[] = [];
  const { ask } = await startAdmin(t, {
    setLogLevel: (logger, level) => {
      set.push(`${logger}=${level}`);
      return level === "DEBUG";
    },
  });
  assert.equal((await ask("/logging.json")).body, '[{"logger":"root","level":"INFO"}]\n');
  const post = (body: string, headers: Record<string, string> = form) =>
    ask("/logging.json", { method: "POST", headers, body });
  assert.equal((await post("level=DEBUG&logger=%23%2Fio.l5d.fs")).status, 200);
  const loud = await post("level=LOUD&logger=root");
  assert.equal(loud.status, 400);
  assert.match(loud.body, /unknown level LOUD; the levels are ALL TRACE DEBUG/);
  assert.equal((await post("level=DEBUG")).status, 400);
  assert.equal((await post("")).status, 400);
  assert.equal((await post("{}", { "content-type": "application/json" })).status, 415);
  assert.deepEqual(set, ["#/io.l5d.fs=DEBUG", "root=LOUD"]);
});

test("bound names and client states", async (t) => {
  const { ask } = await startAdmin(t, {
    boundNames: () => ["/#/io.l5d.fs/web"],
    clientState: () => ({ "#/io.l5d.fs/web": { state: "bound", addresses: ["127.0.0.1:80"] } }),
  });
  assert.equal((await ask("/bound-names.json")).body, '["/#/io.l5d.fs/web"]\n');
  assert.deepEqual(JSON.parse((await ask("/client_state.json")).body), {
    "#/io.l5d.fs/web": { state: "bound", addresses: ["127.0.0.1:80"] },
  });
});
