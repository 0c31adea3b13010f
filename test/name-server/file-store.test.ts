// The storage in a folder: what is on disk at any moment, edits by hand, history.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { testFolder } from "../support/folder.ts";
import { until } from "../support/until.ts";
import { nameServer } from "./support.ts";

const yaml = (folder: string, more = "") => `
  storage: { kind: io.l5d.fs, rootDir: ${folder}${more} }
  interfaces: [{ kind: io.l5d.httpController, port: 0 }]
`;

const read = (t: TestContext, folder: string, more = "") => nameServer(t, yaml(folder, more));

test("what was written is there after a restart, with its version", async (t) => {
  const { path } = testFolder(t);
  const first = await read(t, path);
  await first.put("default", "/svc => /a");
  await first.put("default", "/svc => /b");
  await first.proxy.close(0);
  const second = await read(t, path);
  const { body, headers } = await second.ask("GET", "/dtabs/default");
  assert.equal(body, '[{"prefix":"/svc","dst":"/b"}]\n');
  assert.equal(headers.get("etag"), "AAAAAAAAAAI=");
});

test("a file that is edited by hand applies, and whoever read it before cannot overwrite it", async (t) => {
  const folder = testFolder(t);
  const server = await read(t, folder.path);
  await server.put("default", "/svc => /a");
  const before = (await server.ask("GET", "/dtabs/default")).headers.get("etag") ?? "";
  const text = readFileSync(join(folder.path, "default.dtab"), "utf8");
  folder.write("default.dtab", `${text}# by hand\n/svc/x => /b ;\n`);
  await until(
    async () => (await server.ask("GET", "/dtabs/default")).body,
    (body) => body.includes('"/svc/x"'),
    "the edit applies",
  );
  const headers = { "Content-Type": "application/dtab", "If-Match": before };
  assert.equal((await server.ask("PUT", "/dtabs/default", "/svc => /c", headers)).status, 412);
});

test("a file that is no dtab keeps the last good one, and the admin server says so", async (t) => {
  const folder = testFolder(t);
  const server = await read(t, folder.path);
  await server.put("default", "/svc => /a");
  folder.write("default.dtab", "/svc => ");
  const state = await until(
    () => server.proxy.admin("/storage/io.l5d.fs.json"),
    (page) => page.includes("default.dtab:1:"),
    "the problem is shown",
  );
  assert.match(state, /path, '~'/);
  assert.match((await server.ask("GET", "/dtabs/default")).body, /"dst":"\/a"/);
});

test("a file that is put there becomes a namespace, one that is removed goes", async (t) => {
  const folder = testFolder(t);
  const server = await read(t, folder.path);
  const lines = await server.watch("/dtabs?watch=true");
  assert.equal(await lines.next(), "[]");
  folder.write("by-hand.dtab", "/svc => /a ;");
  assert.equal(await lines.next(), '["by-hand"]');
  folder.remove("by-hand.dtab");
  assert.equal(await lines.next(), "[]");
});

test("the latest versions are kept, and a name that is created again goes on counting", async (t) => {
  const { path } = testFolder(t);
  const server = await read(t, path, ", history: 2");
  for (const target of ["a", "b", "c", "d"]) await server.put("default", `/svc => /${target}`);
  assert.deepEqual(readdirSync(join(path, ".history", "default")).sort(), ["2.dtab", "3.dtab"]);
  await server.ask("DELETE", "/dtabs/default");
  await server.put("default", "/svc => /e");
  const { headers } = await server.ask("GET", "/dtabs/default");
  assert.equal(headers.get("etag"), "AAAAAAAAAAU=");
});

test("two writers with the same version: one wins, the other is told", async (t) => {
  const { path } = testFolder(t);
  const server = await read(t, path);
  await server.put("default", "/svc => /a");
  const headers = { "Content-Type": "application/dtab", "If-Match": "AAAAAAAAAAE=" };
  const both = ["/svc => /b", "/svc => /c"].map((dtab) =>
    server.ask("PUT", "/dtabs/default", dtab, headers),
  );
  const statuses = (await Promise.all(both)).map(({ status }) => status).sort();
  assert.deepEqual(statuses, [204, 412]);
});
