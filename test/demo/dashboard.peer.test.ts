// The demo breaks, and its dashboard says what, where and why, until it is whole again.
import assert from "node:assert/strict";
import { assertFits, browserTest, widths } from "../support/browser.ts";
import { keepConverting, startDemo } from "../support/running-demo.ts";

for (const width of widths) {
  browserTest(
    `a dead instance of the demo is found from the first page, ${width} pixels wide`,
    async (t, chromium) => {
      const fleet = await startDemo(t);
      keepConverting(t, fleet);
      const { adminUrl } = fleet.instance("converter")!.status();
      const broken = fleet.instance("rates-2")!;
      const address = `127.0.0.1:${broken.ports.http.incoming}`;
      const page = await chromium.open(adminUrl, { width });
      const services = page.getByRole("table", { name: "Router outgoing", exact: true });
      await services.getByRole("link", { name: "/svc/rates" }).waitFor();

      await broken.kill();

      const problem = page.getByRole("listitem").filter({ hasText: address });
      await problem.first().waitFor();
      assert.match(await problem.first().innerText(), /1 of 2 endpoints .*for \d+ s/s);
      await page.picture("demo-broken");
      await assertFits(page);
      await problem.first().getByRole("link", { name: "endpoints" }).click();
      const line = page
        .getByRole("table", { name: /^Endpoints of/ })
        .getByRole("row")
        .filter({ hasText: address });
      await line
        .getByText(/refused the connection/)
        .filter({ visible: true })
        .waitFor();
      assert.match(await line.innerText(), /ejected|probing/);
      await page.picture("demo-cause");
      await assertFits(page);

      assert.equal(await broken.start(), null);
      await page.getByRole("link", { name: "switchyard" }).click();
      await problem.first().waitFor({ state: "hidden" });
    },
  );
}
