// The fleet's pages in a real browser: at a desk and on a phone.
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { assertFits, browserTest, widths } from "../../support/browser.ts";
import { service } from "../../support/service.ts";
import { startFleet, startMesh, untilOverview } from "./support.ts";

const hostile = "<script>alert(1)</script>";

/** An instance that says of itself whatever may break a page. */
function hostilePage(): string {
  const header = {
    switchyardFleet: 1,
    run: "r",
    at: 1e15,
    startedAt: 0,
    slice: 1,
    sliceMs: 10_000,
  };
  const routers = [{ label: hostile, protocol: hostile, servers: [hostile] }];
  const lines = [
    { ...header, name: hostile, version: hostile, configHash: hostile, notReady: hostile, routers },
    { problem: { id: "p", severity: "critical", kind: "k", text: hostile, advice: hostile } },
    ["service", 0, `/svc/${hostile}`, 10, 9, 1, 0, 5, 9, 10, 50, []],
    ["client", 0, `/#/fs/${hostile}`, 10, 9, 1, 0, 5, 9, 10, 50, []],
    ["endpoints", 0, `/#/fs/${hostile}`, [[hostile, hostile, 1, 1, 10, 0.9, "", hostile]]],
    { end: 5 },
  ];
  return `${lines.map((line) => JSON.stringify(line)).join("\n")}\n`;
}

async function stage(t: TestContext) {
  const mesh = await startMesh(t);
  for (let n = 0; n < 20; n++) await mesh.call();
  const liar = await service(t, (_, response) => void response.end(hostilePage()));
  const list = [
    `web 127.0.0.1:${mesh.web.adminPort}`,
    `rates-1 127.0.0.1:${mesh.rates.adminPort}`,
    `127.0.0.1:${liar.port}`,
  ];
  const fleet = await startFleet(t, `title: all of it, instances: [${list.join(", ")}]`);
  await untilOverview(
    fleet,
    ({ instances }) => instances.every(({ state }) => state !== "not asked yet"),
    "all were asked",
  );
  const url = (query = "") => `http://127.0.0.1:${fleet.adminPort}/fleet${query}`;
  return { mesh, fleet, url };
}

for (const width of widths) {
  browserTest(
    `the fleet page shows problems, edges and instances, ${width} pixels wide`,
    async (t, chromium) => {
      const { mesh, url } = await stage(t);
      const page = await chromium.open(url(), { width });
      await page.getByRole("heading", { name: "all of it" }).waitFor();
      const edges = page.getByRole("table", { name: "Edges" });
      await edges.getByRole("row", { name: /^web rates-1 .*100 %/ }).waitFor();
      const instances = page.getByRole("table", { name: "Instances" });
      assert.match(await instances.innerText(), /rates-1[^\n]*\s+ready/);
      await assertFits(page);
      await page.picture("fleet");
      // Of what an instance says nothing is markup.
      assert.ok((await page.getByText(hostile).count()) > 0);
      await mesh.rates.close(0);
      await page
        .getByText(/rates-1 \(127\.0\.0\.1:\d+\) refuses connections/)
        .first()
        .waitFor();
      await page.picture("fleet-down");
    },
  );

  browserTest(
    `an edge opens to its endpoints, a call to its trace, ${width} pixels wide`,
    async (t, chromium) => {
      const { url } = await stage(t);
      const page = await chromium.open(url(), { width });
      await page
        .getByRole("table", { name: "Edges" })
        .getByRole("link", { name: "web" })
        .first()
        .click();
      await page.getByRole("table", { name: "Endpoints of the edge" }).waitFor();
      await page.getByRole("link", { name: "Services" }).click();
      const services = page.getByRole("table", { name: "Services" });
      await services.getByRole("link", { name: "/svc/rates" }).first().click();
      await page.getByRole("heading", { name: "/svc/rates" }).waitFor();
      await page.getByRole("link", { name: "Calls" }).first().click();
      const calls = page.getByRole("table", { name: "Recent calls" });
      await calls.getByRole("link", { name: "GET /svc/rates" }).first().click();
      await page.getByRole("table", { name: "Hops of the call" }).waitFor();
      await assertFits(page);
      await page.picture("fleet-trace");
    },
  );
}

browserTest(
  "a process without a fleet says so on the page, and does not link to it",
  async (t, chromium) => {
    const { web } = await startMesh(t);
    const page = await chromium.open(`http://127.0.0.1:${web.adminPort}/`);
    await page.getByRole("link", { name: "Requests" }).waitFor();
    assert.equal(await page.getByRole("link", { name: "Fleet" }).count(), 0);
  },
);
