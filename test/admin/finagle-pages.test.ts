// Pages that scripts and bookmarks made for Linkerd ask for.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startAdmin } from "./support.ts";

test("lint reports what is wrong in Finagle's form", async (t) => {
  const rule = (name: string, issues: readonly string[]) => ({
    rule: name,
    description: `no ${name}`,
    issues,
  });
  const { ask } = await startAdmin(t, {
    lint: async () => [rule("good", []), rule("bad", ["one", "two"]), rule("fine", [])],
  });
  const { lint_results: results } = JSON.parse((await ask("/admin/lint")).body);
  assert.deepEqual(results.metadata, {
    num_rules_run: 3,
    num_rules_ok: 2,
    num_rules_failed: 1,
    num_issues_found: 2,
  });
  assert.equal(results.failed_rules[0].id, "bad");
  assert.deepEqual(results.failed_rules[0].issues, [{ details: "one" }, { details: "two" }]);
  assert.equal(results.ok_rules.length, 2);
});

test("threads shows the one thread and what it waits for", async (t) => {
  const { ask } = await startAdmin(t);
  const shown = JSON.parse((await ask("/admin/threads")).body);
  assert.deepEqual(Object.keys(shown.threads), ["main"]);
  assert.ok(shown.active_resources.TCPServerWrap >= 1, JSON.stringify(shown.active_resources));
});

test("the registry names routers, servers and clients", async (t) => {
  const { ask } = await startAdmin(t, { registry: () => ({ server: { out: ["127.0.0.1:1"] } }) });
  assert.equal(
    (await ask("/admin/registry.json")).body,
    '{"registry":{"server":{"out":["127.0.0.1:1"]}}}\n',
  );
});

test("logging and help say what there is", async (t) => {
  const { ask } = await startAdmin(t);
  assert.match((await ask("/logging")).body, /^INFO +root\n/);
  const { body } = await ask("/help");
  assert.match(body, /^switchyard 0\.1\.0\n/);
  const index = (await ask("/admin")).body.split("\n");
  for (const [, page] of body.matchAll(/^(\/\S*?)(?:\?\S*)? +\S/gm)) {
    if (page === "/admin/metrics/prometheus") continue; // a telemeter brings it
    assert.ok(index.includes(page!), `${page} is a page`);
  }
});
