import assert from "node:assert/strict";
import { test } from "node:test";
import type { FaultChange } from "../../src/admin/views.ts";
import { startAdmin } from "./support.ts";

const form = { "content-type": "application/x-www-form-urlencoded" };

test("faults are shown, and changed by a form", async (t) => {
  const changes: (string | null | FaultChange)[][] = [];
  const { ask } = await startAdmin(t, {
    faults: () => [{ client: "/#/x", enabled: false }],
    setFaults: (router, client, change) => {
      changes.push([router, client, change]);
      return router === "nope" ? null : client === "/#/gone" ? 0 : 1;
    },
  });
  const post = (body: string) => ask("/faults.json", { method: "POST", headers: form, body });
  assert.deepEqual(JSON.parse((await ask("/faults.json")).body), [
    { client: "/#/x", enabled: false },
  ]);
  const all = await post("enabled=true&delayMs=200&delayPercent=12.5");
  assert.equal(all.status, 200);
  assert.equal(JSON.parse(all.body).changed, 1);
  await post("router=http&client=/%23/x&abortPercent=1&enabled=false");
  assert.deepEqual(changes, [
    [null, null, { isOn: true, delayMs: 200, delayPercent: 12.5 }],
    ["http", "/#/x", { isOn: false, abortPercent: 1 }],
  ]);
  assert.equal((await post("router=nope&enabled=true")).status, 404);
  assert.equal((await post("client=/%23/gone&enabled=true")).status, 404);
});

test("an invalid form changes nothing, and the error says what is valid", async (t) => {
  const { ask } = await startAdmin(t, { setFaults: () => assert.fail("changed") });
  const post = (body: string) => ask("/faults.json", { method: "POST", headers: form, body });
  for (const [body, complaint] of [
    ["", /the form changes nothing/],
    ["router=http", /the form changes nothing/],
    ["enabled=yes", /expected enabled=true or enabled=false/],
    ["abortPercent=101", /expected abortPercent=0\.\.100/],
    ["delayMs=-1", /expected delayMs=0\.\.3600000/],
    ["delay=1", /unknown field delay; the fields are router, client, enabled/],
  ] as const) {
    const response = await post(body);
    assert.equal(response.status, 400, body);
    assert.match(response.body, complaint);
  }
  assert.equal((await ask("/faults.json", { method: "POST", body: "{}" })).status, 415);
});
