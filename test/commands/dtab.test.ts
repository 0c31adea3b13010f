// `switchyard dtab` against a name server and against its folder.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { nameServer } from "../name-server/support.ts";
import { testFolder } from "../support/folder.ts";
import { line } from "../support/terminal.ts";

async function stores(t: TestContext) {
  const folder = testFolder(t);
  folder.write("names/web", "127.0.0.1 1\n");
  const server = await nameServer(
    t,
    `
    namers: [{ kind: io.l5d.fs, rootDir: ${folder.path}/names }]
    storage: { kind: io.l5d.fs, rootDir: ${folder.path}/dtabs }
    interfaces: [{ kind: io.l5d.httpController, port: 0 }]
    `,
  );
  const url = `http://127.0.0.1:${server.port}`;
  const put = (input: string, ...more: readonly string[]) =>
    line(["dtab", "put", url, "default", "-", ...more], { input });
  return { folder, url, put };
}

test("put writes and says what changes; get, ls and rm do as they say", async (t) => {
  const { url, put } = await stores(t);
  assert.equal((await put("/a => /b ; /c => /d")).out, "+ /a=>/b ;\n+ /c=>/d ;\n");
  assert.equal((await put("/a => /b ; /c => /e")).out, "- /c=>/d ;\n+ /c=>/e ;\n");
  assert.equal((await put("/a => /b ; /c => /e")).out, "default: nothing to change\n");
  assert.equal((await line(["dtab", "get", url, "default"])).out, "/a=>/b ;\n/c=>/e ;\n");
  assert.equal((await line(["dtab", "ls", url])).out, "default\n");
  assert.equal((await line(["dtab", "rm", url, "default"])).code, 0);
  assert.equal((await line(["dtab", "ls", url])).out, "");
});

test("history shows versions, and rollback writes one again", async (t) => {
  const { url, put } = await stores(t);
  await put("/a => /1");
  await put("/a => /2");
  const { out } = await line(["dtab", "history", url, "default"]);
  assert.equal(out, "1  1 entry; then +1 -1\n2  1 entry; the current one\n");
  assert.equal((await line(["dtab", "rollback", url, "default"])).out, "- /a=>/2 ;\n+ /a=>/1 ;\n");
  assert.match((await line(["dtab", "rollback", url, "default", "9"])).error, /kept are: 1, 2/);
});

test("diff shows what put would change, with its exit code", async (t) => {
  const { folder, url, put } = await stores(t);
  await put("/a => /1 ; /b => /2");
  folder.write("new.dtab", "/a => /1 ;\n/b => /3 ;\n");
  const changed = await line(["dtab", "diff", url, "default", `${folder.path}/new.dtab`]);
  assert.deepEqual([changed.code, changed.out], [1, "  /a=>/1 ;\n- /b=>/2 ;\n+ /b=>/3 ;\n"]);
  await put("/a => /1 ; /b => /3");
  assert.equal((await line(["dtab", "diff", url, "default", `${folder.path}/new.dtab`])).code, 0);
});

test("test shows a name before and after, by live discovery", async (t) => {
  const { folder, url, put } = await stores(t);
  await put("/svc => /nowhere");
  folder.write("new.dtab", "/svc => /#/io.l5d.fs ;\n");
  const file = `${folder.path}/new.dtab`;
  const { code, out } = await line(["dtab", "test", url, "default", file, "--path", "/svc/web"]);
  assert.equal(code, 0);
  assert.match(
    out,
    /now, with the dtab of default:\n[^]*no such name[^]*with the new dtab:[^]*127.0.0.1:1/,
  );
});

test("a folder is a store as well", async (t) => {
  const { folder, put } = await stores(t);
  await put("/a => /1");
  assert.equal((await line(["dtab", "get", `${folder.path}/dtabs`, "default"])).out, "/a=>/1 ;\n");
});

for (const [what, args, code, says] of [
  ["an unknown verb", ["frob", "x"], 2, /expected one of ls, get/],
  ["no namespace", ["get", "http://127.0.0.1:1"], 2, /get needs a store and a namespace/],
  ["a store of no kind", ["ls", "ftp://x"], 2, /is no store: expected one of/],
  ["a folder that is not there", ["ls", "/nowhere/at/all"], 2, /there is no folder/],
  ["a name server that is away", ["ls", "http://127.0.0.1:1"], 1, /nothing listens there/],
] as const) {
  test(`${what} is told`, async () => {
    const outcome = await line(["dtab", ...args]);
    assert.equal(outcome.code, code);
    assert.match(outcome.error, says);
  });
}

test("a dtab with a mistake is refused with its place, a namespace that is not there with those that are", async (t) => {
  const { url, put } = await stores(t);
  assert.match((await put("/a => /b ;\n/c = /d")).error, /<stdin>:2:5/);
  await put("/a => /b");
  const { error } = await line(["dtab", "get", url, "none"]);
  assert.match(error, /has no namespace none; it has: default/);
});
