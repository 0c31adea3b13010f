// The interpreter against a real agent: a dtab under a key, edited while it is used.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import * as v from "valibot";
import type { Live } from "../../../src/core/live.ts";
import { mapTree, showTree } from "../../../src/core/names/nametree.ts";
import type { NameTree } from "../../../src/core/names/nametree.ts";
import type { Bound } from "../../../src/core/naming.ts";
import { pathLiteral } from "../../../src/core/names/path.ts";
import { consulInterpreter } from "../../../src/naming/interpreters/consul.ts";
import { consulAgent } from "../../support/consul.ts";
import type { ConsulAgent } from "../../support/consul.ts";
import { dtabLiteral, keptLog, namingDeps, stateWhen, noMessages } from "../../support/naming.ts";
import { hasPeer } from "../../support/peers.ts";
import { realClock } from "../../support/real-clock.ts";

function open(t: TestContext, { host, port }: ConsulAgent, keys: object = {}) {
  const log = keptLog();
  const kind = "io.l5d.consul.interpreter";
  const config = v.parse(consulInterpreter.schema, { kind, host, port, ...keys });
  const parts = { clock: realClock, random: Math.random, log };
  const interpreter = consulInterpreter.create(config, {
    ...namingDeps(parts),
    namers: [],
    dialMessages: noMessages,
  });
  t.after(() => interpreter.close());
  return { interpreter, log };
}

function bound(tree: NameTree<Bound>): string {
  return showTree(mapTree(tree, ({ id }) => id));
}

function watched(t: TestContext, live: Live<NameTree<Bound>>) {
  t.after(live.watch(() => {}));
  return async (expected: string) =>
    void (await stateWhen(live, (state) => state.kind === "ok" && bound(state.value) === expected));
}

test("io.l5d.consul.interpreter follows a key of a real agent", async (t) => {
  if (!hasPeer(t, "consul")) return;
  const agent = await consulAgent(t);

  await t.test("the stored dtab stands before the router's, and is followed", async (t) => {
    await agent.setKey("namerd/dtabs/default", "/svc => /$/inet/1 ; /other => /$/inet/3");
    const { interpreter } = open(t, agent);
    const router = dtabLiteral("/svc => /$/inet/2");
    const svc = watched(t, interpreter.bind(router, pathLiteral("/svc")));
    const other = watched(t, interpreter.bind(router, pathLiteral("/other")));
    await svc("/$/inet/2");
    await other("/$/inet/3");
    await agent.setKey("namerd/dtabs/default", "/other => /$/inet/4");
    await other("/$/inet/4");
    await svc("/$/inet/2");
  });

  await t.test("a key that is missing is an empty dtab, and one that comes counts", async (t) => {
    const keys = { pathPrefix: "/some/where", namespace: "new-one" };
    const { interpreter } = open(t, agent, keys);
    const svc = watched(t, interpreter.bind([], pathLiteral("/svc")));
    await svc("~");
    await agent.setKey("some/where/new-one", "/svc => /$/inet/1");
    await svc("/$/inet/1");
    await agent.setKey("some/where/new-one", "");
    await svc("~");
  });

  await t.test("a bad edit is logged, shown, and changes nothing", async (t) => {
    await agent.setKey("namerd/dtabs/edited", "/svc => /$/inet/1");
    const { interpreter, log } = open(t, agent, { namespace: "edited" });
    const svc = watched(t, interpreter.bind([], pathLiteral("/svc")));
    await svc("/$/inet/1");
    const warned = log.next();
    await agent.setKey("namerd/dtabs/edited", "/svc -> /$/inet/2");
    const { event, problem } = await warned;
    assert.equal(event, "bad dtab");
    assert.match(
      String(problem),
      /key namerd\/dtabs\/edited at .* does not hold a dtab: '=>' expected/,
    );
    await svc("/$/inet/1");
    const state = interpreter.watchState?.();
    assert.equal(state?.["problem"], problem);
    assert.equal(state?.["dtab"], "/svc=>/$/inet/1");
    await agent.setKey("namerd/dtabs/edited", "/svc => /$/inet/3");
    await svc("/$/inet/3");
    assert.equal(interpreter.watchState?.()["problem"], null);
  });

  await t.test("a first text that is bad says so to those who ask", async (t) => {
    await agent.setKey("namerd/dtabs/bad", "no dtab");
    const { interpreter } = open(t, agent, { namespace: "bad" });
    const live = interpreter.bind([], pathLiteral("/svc"));
    const state = await stateWhen(live, ({ kind }) => kind === "failed");
    assert.match(state.kind === "failed" ? state.why.detail : "", /does not hold a dtab/);
  });

  await t.test("the last good dtab outlives the agent, and counts again behind it", async (t) => {
    const other = await consulAgent(t);
    await other.setKey("namerd/dtabs/default", "/svc => /$/inet/1");
    const { interpreter } = open(t, other);
    const svc = watched(t, interpreter.bind([], pathLiteral("/svc")));
    await svc("/$/inet/1");
    await other.stop();
    await svc("/$/inet/1");
    await other.start();
    await other.setKey("namerd/dtabs/default", "/svc => /$/inet/2");
    await svc("/$/inet/2");
  });

  await t.test("without Consul a name fails within a second, saying why", async (t) => {
    const absent = await consulAgent(t, { isStopped: true });
    const { interpreter } = open(t, absent);
    const startedMs = performance.now();
    const live = interpreter.bind([], pathLiteral("/svc"));
    const state = await stateWhen(live, ({ kind }) => kind === "failed");
    assert.ok(performance.now() - startedMs < 1_000);
    assert.match(
      state.kind === "failed" ? state.why.detail : "",
      /could not be read.*ECONNREFUSED/,
    );
    const svc = watched(t, live);
    await absent.start();
    await absent.setKey("namerd/dtabs/default", "/svc => /$/inet/1");
    await svc("/$/inet/1");
  });
});

test("a namespace is a plain name", () => {
  const kind = "io.l5d.consul.interpreter";
  assert.ok(!v.safeParse(consulInterpreter.schema, { kind, namespace: "a/b" }).success);
  assert.ok(v.safeParse(consulInterpreter.schema, { kind, namespace: "a_B-9" }).success);
});
