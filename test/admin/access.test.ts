// Who may ask the admin server for what.
import assert from "node:assert/strict";
import { test } from "node:test";
import { exchange, startAdmin } from "./support.ts";
import type { AdminSecurity } from "../../src/admin/access.ts";

const crossSite = { "sec-fetch-site": "cross-site" };
const navigate = { "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" };
const hazardous = ["/admin/heap", "/admin/profile", "/admin/shutdown", "/faults.json"];
const open: AdminSecurity = { pathWhitelist: [], pathBlacklist: [] };

test("on loopback only loopback names are accepted as Host, so that DNS rebinding fails", async (t) => {
  const { ask, admin } = await startAdmin(t);
  for (const host of [
    "localhost:1",
    "127.0.0.1",
    `[::1]:${admin.port}`,
    "app.localhost",
    "LOCALHOST.",
  ]) {
    assert.equal((await ask("/admin/ping", { headers: { host } })).status, 200, host);
  }
  for (const host of [
    "evil.example",
    "127.0.0.1.evil.example",
    "10.0.0.1:9990",
    "[::2]",
    "localhost.evil",
  ]) {
    const { status, body } = await ask("/admin/ping", { headers: { host } });
    assert.equal(status, 403, host);
    assert.match(body, /loopback/);
  }
});

test("bound to all addresses, the server accepts any Host", async (t) => {
  const { admin } = await startAdmin(t, {}, { host: "0.0.0.0" });
  const { status } = await exchange(admin.port, "/admin/ping", {
    headers: { host: "node-7:9990" },
  });
  assert.equal(status, 200);
});

test("a request that came through a proxy is refused on every page", async (t) => {
  const { ask } = await startAdmin(t, { shutdown: () => assert.fail("shut down") });
  const pages = ["/", "/admin/ping", "/admin/metrics.json", "/config.json", "/nothing"];
  for (const header of ["Via", "l5d-reqid", "L5D-Ctx-Trace", "l5d-anything", "Finagle-Ctx-x"]) {
    for (const page of pages) {
      const { status, body } = await ask(page, { headers: { [header]: "x" } });
      assert.equal(status, 403, `${page} ${header}`);
      assert.match(body, /came through a proxy/);
    }
    const headers = { [header]: "x" };
    assert.equal((await ask("/admin/shutdown", { method: "POST", headers })).status, 403);
  }
});

test("pages of other sites may link here, but neither load, frame nor send anything", async (t) => {
  let stops = 0;
  const { ask, admin } = await startAdmin(t, { shutdown: () => void (stops += 1) });
  assert.equal((await ask("/", { headers: { ...crossSite, ...navigate } })).status, 200);
  for (const dest of ["iframe", "frame", "embed", "object"]) {
    for (const site of ["cross-site", "same-site", "same-origin"]) {
      const headers = { ...navigate, "sec-fetch-site": site, "sec-fetch-dest": dest };
      assert.equal((await ask("/", { headers })).status, 403, `${dest} ${site}`);
    }
  }
  assert.equal(
    (await ask("/config.json", { headers: { ...crossSite, "sec-fetch-mode": "no-cors" } })).status,
    403,
  );
  for (const headers of [
    { ...crossSite, ...navigate },
    { origin: "https://evil.example" },
    { origin: "null" },
    { origin: "http://127.0.0.1:1" },
  ]) {
    assert.equal((await ask("/admin/shutdown", { method: "POST", headers })).status, 403);
  }
  assert.equal(stops, 0);
  const own = { origin: `http://127.0.0.1:${admin.port}` };
  assert.equal((await ask("/admin/shutdown", { method: "POST", headers: own })).status, 200);
});

test("no page may be shown in a frame of another page", async (t) => {
  const { ask } = await startAdmin(t);
  for (const page of ["/", "/admin/ping", "/config.json"]) {
    assert.equal((await ask(page)).headers["x-frame-options"], "DENY", page);
  }
});

test("a link does not open a hazardous page, not even one on another port of this host", async (t) => {
  const { ask } = await startAdmin(t);
  for (const page of ["/admin/heap", "/admin/profile", "/faults.json"]) {
    for (const site of ["cross-site", "same-site"]) {
      const { status, body } = await ask(page, {
        headers: { ...navigate, "sec-fetch-site": site },
      });
      assert.equal(status, 403, `${page} ${site}`);
      assert.match(body, /may not link to this one/);
    }
  }
});

test("a browser confirms a heap snapshot and a profile by a POST of the same page", async (t) => {
  const { ask, admin } = await startAdmin(t);
  const browsers = [
    { ...navigate, "sec-fetch-site": "none" },
    { referer: "http://127.0.0.1/" },
    { "user-agent": "Mozilla/5.0 (an old one without Sec-Fetch)" },
  ];
  for (const page of ["/admin/heap?snapshot=1", "/admin/profile?seconds=0.01"]) {
    for (const headers of browsers) {
      const { status, body, headers: received } = await ask(page, { headers });
      assert.equal(status, 403, page);
      assert.match(body, /<form method="post">/);
      assert.match(String(received["content-security-policy"]), /form-action 'self'/);
    }
    const confirmed = {
      origin: `http://127.0.0.1:${admin.port}`,
      "sec-fetch-site": "same-origin",
      ...navigate,
    };
    const { status, body } = await ask(page, { method: "POST", headers: confirmed });
    assert.equal(status, 200, page);
    assert.match(body, /^\{"/);
  }
  // Memory statistics harm nobody.
  assert.equal((await ask("/admin/heap", { headers: browsers[0] ?? {} })).status, 200);
});

test("programs need no confirmation, or a header that no page of another site can send", async (t) => {
  const { ask } = await startAdmin(t);
  const page = "/admin/profile?seconds=0.01";
  assert.equal((await ask(page, { headers: { "user-agent": "curl/8.0" } })).status, 200);
  const headers = { "user-agent": "Mozilla/5.0 WindowsPowerShell", "switchyard-confirm": "1" };
  assert.equal((await ask(page, { headers })).status, 200);
});

test("beyond loopback hazardous pages are closed to strangers, whatever the file opens", async (t) => {
  const opened = { ...open, controlEnabled: true, pathWhitelist: [/.*/] };
  for (const security of [null, opened]) {
    const shutdown = () => assert.fail("shut down");
    const { ask } = await startAdmin(t, { shutdown }, { host: "0.0.0.0", security });
    for (const page of hazardous) {
      for (const method of ["GET", "POST"]) {
        const { status, body } = await ask(page, { method });
        assert.equal(status, 403, `${method} ${page}`);
        assert.match(body, /listens beyond loopback.*admin\.token/);
      }
    }
    for (const page of [
      "/",
      "/admin/ping",
      "/admin/ready",
      "/admin/metrics.json",
      "/config.json",
    ]) {
      assert.equal((await ask(page)).status, 200, page);
    }
    const { body } = await ask("/admin");
    for (const page of hazardous) assert.ok(!body.includes(`${page}\n`), page);
  }
});

test("beyond loopback strangers change nothing, but may ask by a POST", async (t) => {
  const setLogLevel = () => assert.fail("changed");
  const { ask } = await startAdmin(t, { setLogLevel }, { host: "0.0.0.0" });
  const form = { "content-type": "application/x-www-form-urlencoded" };
  const change = { method: "POST", headers: form, body: "logger=root&level=DEBUG" };
  const { status, body } = await ask("/logging.json", change);
  assert.equal(status, 403);
  assert.match(body, /changes nothing for strangers; admin\.token/);
  const asked = { method: "POST", headers: form, body: "path=/svc/users" };
  assert.notEqual((await ask("/delegator.json", asked)).status, 403);
});

test("admin.readOnly shows everything and changes nothing, also on loopback", async (t) => {
  const never = () => assert.fail("changed");
  const changed = { shutdown: never, setLogLevel: never, setFaults: never };
  const { ask } = await startAdmin(t, changed, { isReadOnly: true });
  for (const path of ["/admin/shutdown", "/logging.json", "/faults.json"]) {
    const { status, body } = await ask(path, { method: "POST" });
    assert.equal(status, 403, path);
    assert.match(body, /changes nothing \(admin\.readOnly\)/);
  }
  assert.equal((await ask("/admin/heap?snapshot=1")).status, 403);
  for (const path of ["/faults.json", "/logging.json", "/admin/heap"]) {
    assert.equal((await ask(path)).status, 200, path);
  }
});

/** As section 1.3 of Linkerd's manual lists them. */
const ui = ["/", "/config.json", "/metrics.json", "/admin/metrics.json", "/delegator.json"];
const control = ["/admin/shutdown", "/logging.json"];
const diagnostics = ["/admin/ping", "/admin/server_info", "/bound-names.json", "/admin/lint"];

test("every page belongs to Linkerd's group of it", async (t) => {
  const groups = {
    uiEnabled: [...ui, "/logging", "/help"],
    controlEnabled: control,
    diagnosticsEnabled: diagnostics,
  };
  const none = { uiEnabled: false, controlEnabled: false, diagnosticsEnabled: false };
  for (const enabled of Object.keys(groups)) {
    const { ask } = await startAdmin(t, {}, { security: { ...open, ...none, [enabled]: true } });
    for (const [group, pages] of Object.entries(groups)) {
      for (const page of pages) {
        const { status, body } = await ask(page, { method: "HEAD" });
        assert.equal(status !== 404, group === enabled, `${page} with ${enabled}`);
        assert.equal(body, "");
      }
    }
  }
});

test("security closes groups of pages, with exceptions both ways", async (t) => {
  const security = {
    uiEnabled: true,
    controlEnabled: false,
    diagnosticsEnabled: false,
    pathWhitelist: [/\/admin\/p.*/],
    pathBlacklist: [/\/config\.json/],
  };
  const { ask } = await startAdmin(t, {}, { security });
  const statusOf = async (path: string, method = "GET") => (await ask(path, { method })).status;
  assert.equal(await statusOf("/"), 200);
  assert.equal(await statusOf("/admin/ping"), 200);
  assert.equal(await statusOf("/admin/server_info"), 404);
  assert.equal(await statusOf("/config.json"), 404);
  assert.equal(await statusOf("/logging.json"), 404);
  assert.equal(await statusOf("/admin/shutdown", "POST"), 404);
  assert.doesNotMatch((await ask("/none")).body, /shutdown|config\.json|server_info/);
});
