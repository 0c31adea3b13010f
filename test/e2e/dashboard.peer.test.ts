// The dashboard in a real browser, on a real process with traffic: at a desk and on a phone.
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import type { TestContext } from "node:test";
import { assertFits, browserTest, widths } from "../support/browser.ts";
import { discovery } from "../support/discovery.ts";
import { ask } from "../support/http-request.ts";
import { behindPrefix } from "../support/prefix-proxy.ts";
import { startProxy } from "../support/proxy.ts";
import { service } from "../support/service.ts";
import { binary, framed } from "../support/thrift-bytes.ts";

const hostile = "<script>alert(1)</script>";

/** Two services with traffic, one with two endpoints of which one responds badly. */
async function stage(t: TestContext, moreNames: readonly string[] = []) {
  const good = await service(t, "good");
  const bad = await service(t, (_request, response) => {
    response.statusCode = 500;
    response.end("bad");
  });
  const web = await service(t, "web");
  const more = Object.fromEntries(moreNames.map((name) => [name, [web.port]]));
  const { rootDir } = discovery(t, { users: [good.port, bad.port], web: [web.port], ...more });
  const proxy = await startProxy(
    t,
    `
    namers: [{ kind: io.l5d.fs, rootDir: ${rootDir} }]
    routers:
    - protocol: http
      label: outgoing
      dtab: |
        /svc => /#/io.l5d.fs ;
      servers: [{ port: 0 }]
    - protocol: thrift
      label: thrift
      dtab: /svc => /$/nil
      servers: [{ port: 0 }]`,
  );
  const call = (host: string, target = "/") => ask(proxy.port, target, { Host: host });
  for (let i = 0; i < 20; i += 1) {
    await call("users", `/users/${i}`);
    await call("web", "/index.html");
  }
  await call(hostile);
  const url = (path = "") => `http://127.0.0.1:${proxy.adminPort}/${path}`;
  return { proxy, call, url, good, bad, web };
}

for (const width of widths) {
  browserTest(
    `the overview shows routers, services and their clients, ${width} pixels wide`,
    async (t, chromium) => {
      const { call, url } = await stage(t);
      const page = await chromium.open(url(), { width });
      const table = page.getByRole("table", { name: "Router outgoing" });
      await table.getByRole("link", { name: "/svc/users" }).waitFor();
      await table.getByRole("link", { name: "/#/io.l5d.fs/web" }).waitFor();
      await page.getByText("Without a call so far").waitFor();
      const line = table.getByRole("row", { name: /service \/svc\/web/ });
      assert.match(await line.innerText(), /100 %/);
      // What happens now is seen without loading the page again.
      await call("other");
      await table.getByRole("link", { name: "(unbound)" }).waitFor();
      assert.ok(!(await page.content()).includes("<script>alert"));
      await assertFits(page);
      await page.picture("overview");
    },
  );
}

browserTest(
  "a service's page has its percentiles, its endpoints and the last error of each in words",
  async (t, chromium) => {
    const { url, bad } = await stage(t);
    const page = await chromium.open(url());
    await page.getByRole("link", { name: "/svc/users" }).click();
    await page.getByRole("heading", { name: "/svc/users" }).waitFor();
    assert.match(page.url(), /\/service\?router=outgoing&name=\/svc\/users$/);
    const line = page
      .getByRole("table", { name: "Endpoints of /#/io.l5d.fs/users" })
      .getByRole("row", { name: new RegExp(`127.0.0.1:${bad.port}`) });
    await line.waitFor();
    assert.match(await line.innerText(), /responded 500/);
    // Back and forward are the browser's own, and a reload shows the same.
    await page.goBack();
    await page.getByRole("table", { name: "Router outgoing" }).waitFor();
    await page.goForward();
    await page.reload();
    await page.getByRole("heading", { name: "/svc/users" }).waitFor();
    await page.picture("service");
  },
);

browserTest("a page whose process is gone says so, and since when", async (t, chromium) => {
  const { proxy, url } = await stage(t);
  const page = await chromium.open(url());
  await page.getByText("taking calls").waitFor();
  page.removeAllListeners("console"); // the browser reports that nobody responds
  await proxy.close(0);
  await page.getByText(/not connected since \d\d:\d\d:\d\d; shown as of/).waitFor();
});

browserTest("a page that is open does not hold up the end of the process", async (t, chromium) => {
  const { proxy, url } = await stage(t);
  const page = await chromium.open(url());
  await page.getByText("taking calls").waitFor();
  page.removeAllListeners("console");
  await proxy.close(60_000);
});

for (const width of widths) {
  browserTest(
    `a dtab is changed in the playground, and its address can be shared, ${width} pixels wide`,
    async (t, chromium) => {
      const { url, web } = await stage(t);
      const page = await chromium.open(url("delegator"), { width });
      const path = page.getByLabel("Path");
      await path.fill("/svc/users");
      await path.press("Enter");
      await page.getByText("Calls to this name have somewhere to go.").waitFor();
      const dtab = page.getByLabel(/^Dtab/);
      assert.equal(await dtab.inputValue(), "/svc => /#/io.l5d.fs ;");
      await dtab.fill("/svc => /#/io.l5d.fs ;\n/svc/users => /svc/nobody | /svc/web ;");
      await page.getByText("changed: a what-if").waitFor();
      await dtab.press("Control+Enter");
      const tree = page.getByRole("list", { name: "How the name resolves" });
      const used = tree.locator("li.used", { hasText: `127.0.0.1:${web.port}` });
      await used.first().waitFor();
      const dead = tree.locator("li.unused", { hasText: "/#/io.l5d.fs/nobody" });
      assert.match(await dead.first().innerText(), /no such name/);
      // Somebody else opens the address.
      const other = await chromium.open(page.url(), { width });
      await other
        .locator("li.used", { hasText: `127.0.0.1:${web.port}` })
        .first()
        .waitFor();
      assert.match(await other.getByLabel(/^Dtab/).inputValue(), /nobody/);
      await assertFits(other);
      await other.picture("names");
      // What runs has not changed.
      await other.getByRole("button", { name: /Back to the router/ }).click();
      await other.getByRole("button", { name: "Resolve" }).click();
      await other.locator("li.used", { hasText: "/#/io.l5d.fs/users" }).first().waitFor();
    },
  );

  browserTest(
    `a failed call is found and opened on its time line, ${width} pixels wide`,
    async (t, chromium) => {
      const { url, bad } = await stage(t);
      const page = await chromium.open(url("requests"), { width });
      await page.getByLabel("Endpoint").fill(`127.0.0.1:${bad.port}`);
      await page.getByLabel("failed only").check();
      await page.getByRole("button", { name: "Filter" }).click();
      const calls = page.getByRole("table", { name: "Requests" });
      await calls.getByRole("row").nth(1).waitFor();
      assert.match(page.url(), /failed=true/);
      await page.picture("requests");
      await assertFits(page);
      await calls.getByRole("link").first().click();
      const line = page.getByRole("list", { name: "Time line" });
      await line.getByText(`127.0.0.1:${bad.port}`).waitFor();
      assert.match(await line.innerText(), /500/);
      await page.reload();
      await line.getByText(`127.0.0.1:${bad.port}`).waitFor();
      await assertFits(page);
      await page.picture("call");
    },
  );
}

browserTest(
  "calls appear as they end, and only those that pass the filter",
  async (t, chromium) => {
    const { call, url } = await stage(t);
    const page = await chromium.open(url("requests?live=true&name=/svc/web"));
    await page.getByText("No such call has ended yet.").waitFor();
    const calls = page.getByRole("table", { name: "Requests" });
    // Until the page listens: the process does not say when.
    while (!(await calls.isVisible())) {
      await call("users", "/not-this-one");
      await call("web", `/<script>alert(1)</script>`);
    }
    assert.match(await calls.innerText(), /GET \/<script>alert\(1\)<\/script>/);
    assert.doesNotMatch(await calls.innerText(), /not-this-one/);
    await calls.getByRole("link").first().click();
    await page.getByRole("list", { name: "Time line" }).waitFor();
  },
);

browserTest("log levels are changed on the page", async (t, chromium) => {
  const { proxy, url } = await stage(t);
  const page = await chromium.open(url("logging"));
  await page.getByLabel("Level of root").selectOption("ERROR");
  await page.waitForResponse((response) => response.url().endsWith("logging.json"));
  assert.match(await proxy.admin("/logging.json"), /"root","level":"ERROR"/);
  await page.picture("logging");
});

browserTest("the manual comes along, with every kind of failure", async (t, chromium) => {
  const { url } = await stage(t);
  const page = await chromium.open(url("help"));
  await page.getByRole("link", { name: "Kinds of failures" }).click();
  await page.getByRole("row", { name: /exhausted.*NoNodesOpenException/ }).waitFor();
  await page.getByRole("link", { name: "from-linkerd1" }).click();
  await page.getByRole("heading", { level: 1, name: /Linkerd/ }).waitFor();
  await page.picture("help");
});

browserTest("all pages work below a prefix, from links, and by keyboard", async (t, chromium) => {
  const { proxy } = await stage(t);
  const root = await behindPrefix(t, proxy.adminPort, "/ops/node-7/");
  const page = await chromium.open(`${root}requests/`);
  for (const [name, heading] of [
    ["Names", /How does a name resolve/],
    ["Requests", /Requests/],
    ["Logging", /Logging/],
    ["Help", /dashboard/],
  ] as const) {
    await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: heading }).waitFor();
    assert.ok(page.url().startsWith(root), page.url());
  }
  await page.getByRole("link", { name: "switchyard" }).click();
  await page.getByRole("link", { name: "/svc/web" }).click();
  await page.getByRole("heading", { name: "/svc/web" }).waitFor();
  assert.equal(page.url(), `${root}service?router=outgoing&name=/svc/web`);
});

browserTest("Linkerd's links to the playground lead to the same path", async (t, chromium) => {
  const { url, web } = await stage(t);
  const page = await chromium.open(url("delegator#/svc/web"));
  await page
    .locator("li.used", { hasText: `127.0.0.1:${web.port}` })
    .first()
    .waitFor();
  assert.equal(await page.getByLabel("Path").inputValue(), "/svc/web");
});

/** A call of a method that nobody has; resolves when it was responded to. */
async function thriftCall(port: number, method: string): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  socket.write(framed(binary({ method })));
  await once(socket, "data");
  socket.destroy();
}

browserTest(
  "names that callers and discovery choose are text on every page",
  async (t, chromium) => {
    const { proxy, call, url } = await stage(t, ["<img src=x onerror=alert(1)>"]);
    await call("web", `/${hostile}?"'`);
    await call("web&<b>bold</b>");
    await thriftCall(proxy.portOf("thrift"), "<script>alert(2)</script>");
    for (const path of ["", "service", "client", "requests", "delegator?path=/svc/x", "config"]) {
      const page = await chromium.open(url(path));
      await page.getByText("taking calls").waitFor();
      assert.equal(await page.locator("main :is(script, img, b b)").count(), 0, path);
    }
    assert.match(
      await proxy.admin("/bound-names.json"),
      /io.l5d.fs.*x3c/,
      "discovery has the name",
    );
  },
);
