import { EventEmitter, once } from "node:events";
import { test, type TestContext } from "node:test";
import assert from "node:assert/strict";
import { simulatedClock } from "../support/clock.ts";
import { showDtab } from "../../src/core/names/dtab.ts";
import { failure } from "../../src/core/failure.ts";
import { cell, constant, failed, ok, type Live } from "../../src/core/live.ts";
import type { AdminViews } from "../../src/admin/views.ts";
import { startAdmin } from "./support.ts";

const leaf = { type: "leaf", path: "/svc/a" };

/** An admin server whose delegator records its queries and returns `live`. */
function asking(t: TestContext, live: Live<unknown> = constant(ok(leaf))) {
  const asked: unknown[] = [];
  const clock = simulatedClock();
  const delegate: AdminViews["delegate"] = (namespace, dtab, path) => {
    asked.push([namespace, dtab === null ? null : showDtab(dtab), path]);
    return namespace === "none" ? null : live;
  };
  return startAdmin(t, { delegate }, { clock }).then((started) => ({ ...started, asked, clock }));
}

const json = { "content-type": "application/json; charset=utf-8" };

test("a name is delegated by GET, with the router's dtab or another one", async (t) => {
  const { ask, asked } = await asking(t);
  const { status, body } = await ask("/delegator.json?namespace=http&path=/svc/a");
  assert.deepEqual([status, JSON.parse(body)], [200, leaf]);
  await ask("/delegator.json?path=/svc/a&dtab=%2Fsvc%3D%3E%2Fb");
  await ask("/delegator.json?path=/svc/a&dtab=");
  assert.deepEqual(asked, [
    ["http", null, "/svc/a"],
    [null, "/svc=>/b", "/svc/a"],
    [null, "", "/svc/a"],
  ]);
});

test("a name is delegated by POST of JSON", async (t) => {
  const { ask, asked } = await asking(t);
  const post = (value: unknown, headers: Record<string, string> = json) =>
    ask("/delegator.json", {
      method: "POST",
      headers,
      body: typeof value === "string" ? value : JSON.stringify(value),
    });
  assert.equal((await post({ namespace: "http", dtab: "/a=>/b", path: "/svc/a" })).status, 200);
  assert.deepEqual(asked, [["http", "/a=>/b", "/svc/a"]]);
  for (const value of [
    "{",
    "null",
    "[]",
    { dtab: "" },
    { path: "/a" },
    { path: "/a", dtab: null },
    { path: "/a", dtab: "", namespace: 1 },
  ]) {
    assert.equal((await post(value)).status, 400, JSON.stringify(value));
  }
  assert.equal((await post({}, { "content-type": "text/plain" })).status, 415);
  assert.equal((await post({}, {})).status, 415);
  assert.equal((await ask("/delegator.json", { method: "DELETE" })).status, 405);
});

test("a bad path or dtab is 400 and says where", async (t) => {
  const { ask, asked } = await asking(t);
  const errorOf = async (query: string) => {
    const { status, body } = await ask(`/delegator.json?${query}`);
    assert.equal(status, 400, query);
    return (JSON.parse(body) as { error: string }).error;
  };
  assert.match(await errorOf("path=svc"), /^Invalid path: .+/);
  assert.match(await errorOf("path=/svc&dtab=/a=>"), /^Invalid dtab: .+/);
  assert.match(await errorOf(""), /^Invalid path: /);
  assert.deepEqual(asked, []);
});

test("an unknown router is 501", async (t) => {
  const { ask } = await asking(t);
  assert.equal((await ask("/delegator.json?namespace=none&path=/a")).status, 501);
});

test("a name whose delegation fails is 500 with the reason", async (t) => {
  const { ask } = await asking(t, constant(failed(failure("unbound", "it goes round in circles"))));
  const { status, body } = await ask("/delegator.json?path=/a");
  assert.deepEqual([status, body], [500, '{"error":"it goes round in circles"}\n']);
});

/** A Live that records when watches open and close. */
function observed(live: Live<unknown>) {
  const events: string[] = [];
  const watches = new EventEmitter();
  const isWatched = once(watches, "watched");
  const watch: Live<unknown>["watch"] = (changed) => {
    const close = live.watch(changed);
    events.push("watch");
    watches.emit("watched");
    return () => {
      events.push("close");
      close();
    };
  };
  return {
    live: {
      get state() {
        return live.state;
      },
      watch,
    },
    events,
    isWatched,
  };
}

test("no response of discovery within two seconds is 503, and the watch closes", async (t) => {
  const { live, events, isWatched } = observed(cell());
  const { ask, clock } = await asking(t, live);
  const asked = ask("/delegator.json?path=/a");
  await isWatched;
  clock.advance(2_000);
  const { status, body } = await asked;
  assert.deepEqual([status, body], [503, '{"error":"Request timed out."}\n']);
  assert.deepEqual(events, ["watch", "close"]);
});

test("a tree is shown when it is complete, or as far as it is known after two seconds", async (t) => {
  const waiting = {
    type: "alt",
    alt: [leaf, { type: "leaf", bound: { addr: { type: "pending" } } }],
  };
  for (const comes of [true, false]) {
    const tree = cell<unknown>(ok({ type: "pending" }));
    const { live, isWatched } = observed(tree);
    const { ask, clock } = await asking(t, live);
    const asked = ask("/delegator.json?path=/a");
    await isWatched;
    tree.set(ok(waiting));
    if (comes) tree.set(ok(leaf));
    else clock.advance(2_000);
    const { status, body } = await asked;
    assert.deepEqual([status, JSON.parse(body)], [200, comes ? leaf : waiting]);
    assert.equal(clock.waiting, 0);
  }
});
