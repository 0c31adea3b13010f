// Callers alone cannot take the last files: endpoints, discovery and the admin server need some, too.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { caller } from "../support/caller.ts";
import { command, runProxy } from "../support/command.ts";
import { ask } from "../support/http-request.ts";
import { rawCaller } from "../support/raw.ts";
import type { RawPeer } from "../support/raw.ts";
import { service } from "../support/service.ts";
import { until } from "../support/until.ts";

const isLinux = existsSync("/proc/self/limits");
const needsLinux = isLinux ? {} : { skip: "only Linux says how many files may be open" };

async function limited(t: TestContext, web: number) {
  const yaml = `
    routers:
    - protocol: http
      dtab: /svc => /$/inet/127.1/${web}
      servers: [{ port: 0 }]`;
  return runProxy(t, yaml, { maxFiles: 256 });
}

const limitsOf = async (proxy: Awaited<ReturnType<typeof limited>>) => {
  const page = await proxy.admin("/admin/metrics.json");
  return (await page.json()) as Readonly<Record<string, number>>;
};

test(
  "with 400 idle callers and 256 files, those who call are served and the idle ones leave",
  needsLinux,
  async (t) => {
    const web = await service(t, "web");
    const proxy = await limited(t, web.port);
    const kept = await caller(t, proxy.portOf());
    const idle: RawPeer[] = [];
    for (let i = 0; i < 400; i++) {
      idle.push(rawCaller(t, proxy.portOf()));
      if (i % 20 === 0) assert.equal((await kept.ask("web")).body, "web");
    }
    const closed = await until(
      () => idle.filter(({ isClosed, hasEnded }) => isClosed || hasEnded).length,
      (count) => count > 200,
      "idle callers are disconnected",
    );
    assert.ok(closed < 400, "no more than needed");
    assert.equal((await kept.ask("web")).body, "web");
    assert.equal((await ask(proxy.portOf(), "/", { Host: "web" })).body, "web");
    const metrics = await limitsOf(proxy);
    assert.ok((metrics["limits/closed_idle_connections"] ?? 0) > 200);
    assert.equal(metrics["limits/refused_for_lack_of_files"], 0);
    const { length } = proxy.events.filter(({ event }) => event === "cannot accept connections");
    assert.equal(length, 1, "one warning");
  },
);

test(
  "when all callers are busy, new ones get a 503 and calls in progress end well",
  needsLinux,
  async (t) => {
    const held: (() => void)[] = [];
    const web = await service(t, (_, response) => void held.push(() => response.end("held")));
    const proxy = await limited(t, web.port);
    const busy: ReturnType<typeof ask>[] = [];
    for (let i = 0; i < 150; i++) busy.push(ask(proxy.portOf(), "/", { Host: "web" }));
    const first = await Promise.race(busy);
    assert.notEqual(first.status, 200, "one of those that found no file");
    assert.equal((await proxy.admin("/admin/ping")).status, 200);
    await until(
      () => held.length,
      (count) => count > 50,
      "calls are in progress",
    );
    const release = setInterval(() => {
      for (const end of held.splice(0)) end();
    }, 10);
    t.after(() => clearInterval(release));
    const statuses = (await Promise.all(busy)).map(({ status }) => status);
    assert.ok(statuses.filter((status) => status === 200).length > 50);
    assert.ok(
      statuses.every((status) => [200, 503].includes(status)),
      statuses.join(),
    );
  },
);

test("with too few files to start, one line says how many it needs", needsLinux, async (t) => {
  const { code, out, error } = await command(t, ["version"], "", { maxFiles: 64 });
  assert.deepEqual([code, out], [1, ""]);
  assert.equal(
    error,
    "switchyard: this process may open 64 files and needs 128 or more: raise the limit (ulimit -n)\n",
  );
});
