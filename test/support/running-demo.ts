// The demo in this process, with its services and sidecars as children.
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { pause } from "../../demo/child.ts";
import { fileDiscovery } from "../../demo/discovery.ts";
import { createFleet } from "../../demo/fleet.ts";
import type { Fleet } from "../../demo/fleet.ts";
import { sendRequest } from "../../demo/http.ts";
import { freePorts } from "../../demo/ports.ts";

export async function startDemo(t: TestContext): Promise<Fleet> {
  const [pagePort = 0] = await freePorts(1);
  const fleet = await createFleet({
    pagePort,
    controlUrl: "http://127.0.0.1:1", // of buttons that nobody presses here
    hasTls: false,
    discoverBy: fileDiscovery,
    say() {},
  });
  t.after(() => fleet.close());
  assert.equal(await fleet.start(), null);
  return fleet;
}

/** A conversion over each protocol, a few times a second, until the test ends. */
export function keepConverting(t: TestContext, { pageUrl }: Fleet): void {
  let isOver = false;
  t.after(() => void (isOver = true));
  const url = (via: string) => `${pageUrl}/api/convert?amount=1&from=USD&to=EUR&via=${via}`;
  void (async () => {
    while (!isOver) {
      for (const via of ["http", "thrift", "mux"]) await sendRequest(url(via)).catch(() => null);
      await pause(50);
    }
  })();
}
