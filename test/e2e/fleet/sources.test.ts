// Where a fleet gets its list: a file, a name of discovery, DNS; and what happens when the list changes.
import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { testFolder } from "../../support/folder.ts";
import { startProxy } from "../../support/proxy.ts";
import { startFleet, startMesh, untilOverview } from "./support.ts";

test("a file lists instances by name, and is read again when it changes", async (t) => {
  const mesh = await startMesh(t);
  const file = join(testFolder(t).path, "fleet.txt");
  writeFileSync(file, `# all of them\nweb 127.0.0.1:${mesh.web.adminPort} # the front\n`);
  const fleet = await startFleet(t, `file: ${file}, forgetAfterMs: 600000`);
  await untilOverview(fleet, ({ instances }) => instances[0]?.state === "ready", "web is there");
  writeFileSync(file, `127.0.0.1 ${mesh.rates.adminPort}\nwhat is this\n`);
  const changed = await untilOverview(
    fleet,
    ({ instances }) =>
      instances.some(
        ({ id, state }) => id.endsWith(`:${mesh.rates.adminPort}`) && state === "ready",
      ),
    "rates is there",
  );
  const web = changed.instances.find(({ name }) => name === "web");
  assert.match(web?.text ?? "", /^ready, but not listed any more since \d+ s$/);
  const { text, advice } =
    changed.problems.find(({ kind }) => kind === "fleet-list") ?? assert.fail("no problem");
  assert.ok(text.includes(`expected NAME HOST:PORT or HOST:PORT: ${file}:2: "what is this"`), text);
  assert.match(advice, /docs\/fleet\.md/);
  rmSync(file);
  const without = await untilOverview(
    fleet,
    ({ problems }) => problems.some((each) => each.text.includes("there is no file")),
    "the file is missed",
  );
  assert.equal(without.instances.length, 2, "what it said before counts");
});

test("an instance that is not listed any more is forgotten after a while", async (t) => {
  const mesh = await startMesh(t);
  const file = join(testFolder(t).path, "fleet.txt");
  writeFileSync(
    file,
    `web 127.0.0.1:${mesh.web.adminPort}\nrates 127.0.0.1:${mesh.rates.adminPort}\n`,
  );
  const fleet = await startFleet(t, `file: ${file}, forgetAfterMs: 0`);
  await untilOverview(fleet, ({ instances }) => instances.length === 2, "two");
  writeFileSync(file, `rates 127.0.0.1:${mesh.rates.adminPort}\n`);
  await untilOverview(fleet, ({ instances }) => instances.length === 1, "one");
});

test("a name that any namer resolves lists instances", async (t) => {
  const mesh = await startMesh(t);
  const folder = testFolder(t).path;
  writeFileSync(
    join(folder, "admin"),
    `127.0.0.1 ${mesh.web.adminPort}\n127.0.0.1 ${mesh.rates.adminPort}\n`,
  );
  const fleet = await startProxy(
    t,
    `
    namers: [{ kind: io.l5d.fs, rootDir: ${folder} }]
    fleet: { intervalMs: 100, name: /#/io.l5d.fs/admin }`,
  );
  const { sources } = await untilOverview(
    fleet,
    ({ instances }) => instances.length === 2 && instances.every(({ state }) => state === "ready"),
    "both are ready",
  );
  assert.deepEqual(sources, [{ text: "/#/io.l5d.fs/admin", count: 2, problem: null }]);
});

test("a host name stands for all of its addresses", async (t) => {
  const mesh = await startMesh(t);
  const fleet = await startFleet(t, `dns: localhost:${mesh.web.adminPort}`);
  await untilOverview(
    fleet,
    ({ instances }) => instances.some(({ state }) => state === "ready"),
    "web is found by DNS",
  );
});

test("a name that leads nowhere is said to", async (t) => {
  const fleet = await startFleet(t, "name: /#/io.l5d.nowhere/admin");
  const { problems } = await untilOverview(fleet, (each) => each.problems.length > 0, "a problem");
  assert.match(problems[0]?.text ?? "", /nothing is registered as \/#\/io\.l5d\.nowhere\/admin/);
  assert.equal(problems[0]?.severity, "critical");
});

test("an instance that wants a token gets the one of the file", async (t) => {
  const folder = testFolder(t).path;
  const token = join(folder, "token");
  writeFileSync(token, "0123456789abcdef-right\n");
  const instance = await startProxy(
    t,
    `
    admin: { port: 0, token: ${token} }
    routers:
    - protocol: http
      servers: [{ port: 0 }]`,
  );
  const at = `instances: [web 127.0.0.1:${instance.adminPort}]`;
  const without = await startFleet(t, at);
  const { instances } = await untilOverview(
    without,
    (each) => each.instances[0]?.state === "down",
    "401",
  );
  assert.match(instances[0]?.text ?? "", /wants a token \(fleet\.token here, admin\.token there\)/);
  const fleet = await startFleet(t, `${at}, token: ${token}`);
  await untilOverview(fleet, (each) => each.instances[0]?.state === "ready", "it is let in");
});
