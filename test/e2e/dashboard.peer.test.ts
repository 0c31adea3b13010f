// The dashboard in a real browser, on a real process with traffic: at a desk and on a phone.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { assertFits, browser, widths } from "../support/browser.ts";
import { discovery } from "../support/discovery.ts";
import { ask } from "../support/http-request.ts";
import { startProxy } from "../support/proxy.ts";
import { service } from "../support/service.ts";

const hostile = "<script>alert(1)</script>";

/** Two services with traffic, one with two endpoints of which one responds badly. */
async function stage(t: TestContext) {
  const good = await service(t, "good");
  const bad = await service(t, (_request, response) => {
    response.statusCode = 500;
    response.end("bad");
  });
  const web = await service(t, "web");
  const { rootDir } = discovery(t, { users: [good.port, bad.port], web: [web.port] });
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
  return { proxy, call, url, good, bad };
}

for (const width of widths) {
  test(`the overview shows routers, services and their clients, ${width} pixels wide`, async (t) => {
    const chromium = await browser(t);
    if (chromium === null) return;
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
  });
}

test("a service's page has its percentiles, its endpoints and the last error of each in words", async (t) => {
  const chromium = await browser(t);
  if (chromium === null) return;
  const { url, bad } = await stage(t);
  const page = await chromium.open(url());
  await page.getByRole("link", { name: "/svc/users" }).click();
  await page.getByRole("heading", { name: "/svc/users" }).waitFor();
  assert.match(page.url(), /\/service\?router=outgoing&name=\/svc\/users$/);
  const line = page.getByRole("row", { name: new RegExp(`127.0.0.1:${bad.port}`) });
  await line.waitFor();
  assert.match(await line.innerText(), /ejected.*responded 500/s);
  // Back and forward are the browser's own, and a reload shows the same.
  await page.goBack();
  await page.getByRole("table", { name: "Router outgoing" }).waitFor();
  await page.goForward();
  await page.reload();
  await page.getByRole("heading", { name: "/svc/users" }).waitFor();
  await page.picture("service");
});

test("a page whose process is gone says so, and since when", async (t) => {
  const chromium = await browser(t);
  if (chromium === null) return;
  const { proxy, url } = await stage(t);
  const page = await chromium.open(url());
  await page.getByText("taking calls").waitFor();
  page.removeAllListeners("console"); // the browser reports that nobody responds
  await proxy.close(0);
  await page.getByText(/not connected since \d\d:\d\d:\d\d; shown as of/).waitFor();
});

test("a page that is open does not hold up the end of the process", async (t) => {
  const chromium = await browser(t);
  if (chromium === null) return;
  const { proxy, url } = await stage(t);
  const page = await chromium.open(url());
  await page.getByText("taking calls").waitFor();
  page.removeAllListeners("console");
  await proxy.close(60_000);
});
