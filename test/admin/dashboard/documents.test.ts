// The dashboard's documents and assets: what a browser gets, and what it may do with it.
import assert from "node:assert/strict";
import { hostname } from "node:os";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { builtDashboard, zippedFile } from "../../support/dashboard.ts";
import { startAdmin } from "../support.ts";

const files = builtDashboard();
const documents = ["/", "/service", "/client", "/server", "/delegator", "/requests", "/logging"];
const html = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };

for (const path of [...documents, "/config", "/help"]) {
  test(`${path} gives the document, with no parameter and with any`, async (t) => {
    const { ask } = await startAdmin(t);
    for (const query of ["", "?router=none&name=%2Fsvc%2Fx&id=%3Cscript%3E", "?name="]) {
      const { status, headers, body } = await ask(path + query, { headers: html });
      assert.deepEqual([status, headers["content-type"]], [200, "text/html; charset=utf-8"]);
      assert.ok(body.includes('<script type="module" src="dashboard/'));
      assert.ok(!body.includes("none"), "nothing of the query is in it");
    }
  });
}

test("a slash at the end leads to the document without: its links are relative", async (t) => {
  const { ask } = await startAdmin(t);
  const { status, headers } = await ask("/service/?router=a&name=%2Fsvc%2Fx", { headers: html });
  assert.deepEqual([status, headers["location"]], [308, "../service?router=a&name=%2Fsvc%2Fx"]);
});

test("the document allows its own files only, has no script or style in it, and no absolute address", async (t) => {
  const { ask } = await startAdmin(t);
  const { headers, body } = await ask("/");
  const policy = String(headers["content-security-policy"]);
  assert.match(policy, /^default-src 'none';/);
  assert.match(policy, /script-src 'self';/);
  assert.doesNotMatch(policy, /unsafe|https?:|\*/);
  assert.doesNotMatch(body, /<style|<script>|\son\w+=|style=/);
  for (const [, url = ""] of body.matchAll(/(?:src|href)="([^"]*)"/g)) {
    assert.doesNotMatch(url, /^\/|^\w+:/, "a proxy in front may add a prefix");
  }
});

test("the title says which instance it is, whatever its routers are called", async (t) => {
  const policies = ["out", '<b>"in"</b>'].map((router) => ({ router, of: () => ({}) }));
  const { ask } = await startAdmin(t, { policies: () => policies });
  const { body } = await ask("/");
  const title = /<title>(.*)<\/title>/.exec(body)?.[1];
  assert.equal(title, `out, &lt;b&gt;&quot;in&quot;&lt;/b&gt; on ${hostname()} - switchyard`);
  assert.ok(!body.includes("<b>"));
});

test("programs that want no HTML get the log levels and the help as text", async (t) => {
  const { ask } = await startAdmin(t);
  assert.match((await ask("/logging")).body, /^INFO {5}root\n/);
  assert.match((await ask("/help", { headers: { accept: "*/*" } })).body, /\/admin\/ready/);
});

test("assets are compressed, never change under their name, and are not sent twice", async (t) => {
  const { admin, ask } = await startAdmin(t);
  for (const file of files) {
    const path = `/dashboard/${file}`;
    const zipped = await fetch(`http://127.0.0.1:${admin.port}${path}`);
    assert.equal(zipped.headers.get("content-encoding"), "gzip");
    assert.match(zipped.headers.get("cache-control") ?? "", /immutable/);
    const plain = await ask(path);
    assert.equal(plain.headers["content-encoding"], undefined);
    assert.equal(plain.body, gunzipSync(zippedFile(file)).toString());
    assert.equal(await zipped.text(), plain.body);
    const etag = String(plain.headers["etag"]);
    for (const known of [etag, `"other", W/${etag}`, "*"]) {
      const again = await ask(path, { headers: { "if-none-match": known } });
      assert.deepEqual([again.status, again.body], [304, ""]);
    }
    const refused = await ask(path, { headers: { "accept-encoding": "br, gzip;q=0" } });
    assert.equal(refused.headers["content-encoding"], undefined);
  }
});

test("all that a browser downloads is less than 60 KB", () => {
  const bytes = files.reduce((sum, file) => sum + zippedFile(file).length, 0);
  assert.ok(files.length >= 2 && bytes > 10_000, `${files.join()}: ${bytes}`);
  assert.ok(bytes < 60_000, `${bytes} bytes`);
});

test("the index lists the pages for people and programs, not the assets", async (t) => {
  const { ask } = await startAdmin(t);
  const listed = (await ask("/admin")).body.trimEnd().split("\n");
  for (const path of [...documents, "/favicon.ico"]) assert.ok(listed.includes(path), path);
  assert.ok(!listed.some((path) => path.startsWith("/dashboard/")));
  assert.match((await ask("/favicon.ico")).body, /^<svg/);
});

test("admin.security closes the dashboard with all that belongs to it", async (t) => {
  const security = { uiEnabled: false, pathWhitelist: [], pathBlacklist: [] };
  const { ask } = await startAdmin(t, {}, { security });
  const [asset = ""] = files;
  for (const path of ["/", "/requests", "/dashboard/live", `/dashboard/${asset}`]) {
    assert.equal((await ask(path)).status, 404, path);
  }
});
