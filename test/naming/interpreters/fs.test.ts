import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import * as v from "valibot";
import type { Live } from "../../../src/core/live.ts";
import { mapTree, showTree } from "../../../src/core/names/nametree.ts";
import type { NameTree } from "../../../src/core/names/nametree.ts";
import type { Bound } from "../../../src/core/naming.ts";
import { pathLiteral } from "../../../src/core/names/path.ts";
import { fsInterpreter } from "../../../src/naming/interpreters/fs.ts";
import { bindsTo } from "../../../src/naming/binding/delegation.ts";
import { realClock } from "../../support/real-clock.ts";
import { testFolder } from "../../support/folder.ts";
import {
  dtabLiteral,
  keptLog,
  namingDeps,
  stateWhen,
  stayingAlive,
  noMessages,
} from "../../support/naming.ts";

/** `dtab` is null: the file does not exist yet. */
function setup(t: TestContext, dtab: string | null) {
  const folder = testFolder(t);
  const log = keptLog();
  if (dtab !== null) folder.write("routes.dtab", dtab);
  const dtabFile = join(folder.path, "routes.dtab");
  const config = v.parse(fsInterpreter.schema, { kind: "io.l5d.fs", dtabFile });
  const deps = { ...namingDeps({ clock: realClock, log }), namers: [], dialMessages: noMessages };
  const interpreter = fsInterpreter.create(config, deps);
  t.after(() => interpreter.close());
  return { folder, log, dtabFile, interpreter };
}

function bound(tree: NameTree<Bound>): string {
  return showTree(mapTree(tree, ({ id }) => id));
}

async function becomes(live: Live<NameTree<Bound>>, expected: string): Promise<void> {
  await stateWhen(live, (state) => state.kind === "ok" && bound(state.value) === expected);
}

test("the file's dtab stands before the router's, and is followed", async (t) => {
  const { folder, interpreter } = setup(t, "/svc => /$/inet/1 ; /other => /$/inet/3");
  const router = dtabLiteral("/svc => /$/inet/2");
  const svc = interpreter.bind(router, pathLiteral("/svc"));
  t.after(svc.watch(() => {}));
  await becomes(svc, "/$/inet/2");
  const other = interpreter.bind(router, pathLiteral("/other"));
  t.after(other.watch(() => {}));
  await becomes(other, "/$/inet/3");
  folder.write("routes.dtab", "/other => /$/inet/4");
  await becomes(other, "/$/inet/4");
  await becomes(svc, "/$/inet/2");
});

test("a bad edit is logged with its place, and the last good dtab stays", async (t) => {
  const { folder, log, dtabFile, interpreter } = setup(t, "/svc => /$/inet/1");
  const svc = interpreter.bind([], pathLiteral("/svc"));
  t.after(svc.watch(() => {}));
  await becomes(svc, "/$/inet/1");
  const warned = log.next();
  folder.write("routes.dtab", "/svc => /$/inet/2 ;\n/svc -> /b");
  const { problem, kept } = await stayingAlive(warned);
  assert.equal(kept, 1);
  assert.equal(
    problem,
    `${dtabFile}:2:6: '=>' expected but '-' found at '/svc [-]> /b' (line 2, column 6)`,
  );
  assert.ok(svc.state.kind === "ok" && bound(svc.state.value) === "/$/inet/1");
  const report = interpreter.watchState?.() ?? {};
  assert.deepEqual([report["dtab"], report["problem"]], ["/svc=>/$/inet/1", problem]);
});

test("without a good dtab names fail, and say why; a repair is noticed", async (t) => {
  const { folder, interpreter } = setup(t, "nonsense");
  const svc = interpreter.bind([], pathLiteral("/svc"));
  const state = await stateWhen(svc, ({ kind }) => kind === "failed");
  assert.ok(state.kind === "failed");
  assert.match(state.why.detail, /routes\.dtab:1:1: '\/' expected but 'n' found/);
  t.after(svc.watch(() => {}));
  folder.write("routes.dtab", "/svc => /$/inet/2");
  await becomes(svc, "/$/inet/2");
});

test("a delegation goes through the file's dtab", async (t) => {
  const { interpreter } = setup(t, "/svc => /$/inet/1");
  const live = interpreter.delegate([], pathLiteral("/svc"));
  const state = await stateWhen(live, ({ kind }) => kind === "ok");
  assert.ok(state.kind === "ok");
  assert.equal(bindsTo(state.value), "leaf");
});

test("a file that is created later is noticed; until then names fail, and say why", async (t) => {
  const { folder, dtabFile, interpreter } = setup(t, null);
  const svc = interpreter.bind([], pathLiteral("/svc"));
  t.after(svc.watch(() => {}));
  const state = await stateWhen(svc, ({ kind }) => kind === "failed");
  assert.ok(state.kind === "failed");
  assert.equal(state.why.detail, `the dtab file ${dtabFile} does not exist`);
  folder.write("routes.dtab", "/svc => /$/inet/2");
  await becomes(svc, "/$/inet/2");
});
