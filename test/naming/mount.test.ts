import assert from "node:assert/strict";
import { test } from "node:test";
import * as v from "valibot";
import { emptyDtab } from "../../src/core/dtab.ts";
import { mapTree, showTree } from "../../src/core/nametree.ts";
import type { NamerPlugin } from "../../src/core/naming.ts";
import { join, pathLiteral } from "../../src/core/path.ts";
import type { GenericSchema } from "../../src/core/schema.ts";
import { delegationJson } from "../../src/naming/delegation.ts";
import { defaultInterpreter } from "../../src/naming/interpreters/default.ts";
import { buildNaming } from "../../src/naming/mount.ts";
import type { ConfiguredTransformer } from "../../src/naming/mount.ts";
import { rewrite } from "../../src/naming/namers/rewrite.ts";
import { staticNamer } from "../../src/naming/namers/static.ts";
import { traceText } from "../../src/naming/trace.ts";
import { constTransformer } from "../../src/naming/transformers/const.ts";
import { port } from "../../src/naming/transformers/port.ts";
import { replace } from "../../src/naming/transformers/replace.ts";
import { namingDeps } from "../support/naming.ts";

function configured<P extends { kind: string; schema: GenericSchema }>(plugin: P, keys: object) {
  return { plugin, config: v.parse(plugin.schema, { kind: plugin.kind, ...keys }) };
}

function mounted(
  plugin: NamerPlugin,
  prefix: string,
  keys: object,
  transformers: readonly ConfiguredTransformer[] = [],
) {
  const id = join(pathLiteral("/#"), pathLiteral(prefix));
  return { ...configured(plugin, { prefix, ...keys }), id, transformers };
}

const web = { names: { web: ["10.0.0.1:80"] } };

function naming(
  namers: Parameters<typeof buildNaming>[0],
  transformers: readonly ConfiguredTransformer[] = [],
) {
  const built = buildNaming(namers, namingDeps());
  return built.interpreter({ ...configured(defaultInterpreter, {}), transformers });
}

function bindOf(interpreter: ReturnType<typeof naming>, path: string): string {
  const live = interpreter.bind(emptyDtab, pathLiteral(path));
  const close = live.watch(() => {});
  const { state } = live;
  close();
  if (state.kind !== "ok") return state.kind === "failed" ? state.why.detail : "pending";
  return showTree(mapTree(state.value, ({ id, residual }) => `${id} + ${residual}`));
}

test("transformers stand behind a namer, the last one outermost", () => {
  const transformers = [configured(port, { port: 1 }), configured(port, { port: 2 })];
  const interpreter = naming([mounted(staticNamer, "/s", web, transformers)]);
  assert.equal(bindOf(interpreter, "/#/s/web/x"), "/%/io.l5d.port/2/%/io.l5d.port/1/#/s/web + /x");
  assert.equal(bindOf(interpreter, "/#/s/none"), "~");
});

test("transformers of the interpreter change all that it binds", () => {
  const interpreter = naming([mounted(staticNamer, "/s", web)], [configured(port, { port: 4141 })]);
  assert.equal(bindOf(interpreter, "/#/s/web"), "/%/io.l5d.port/4141/#/s/web + /");
  assert.equal(bindOf(interpreter, "/$/inet/80"), "/%/io.l5d.port/4141/$/inet/80 + /");
});

test("what a namer rewrites is not transformed by it", () => {
  const rewriting = mounted(rewrite, "/r", { pattern: "/{a}", name: "/#/s/{a}" }, [
    configured(port, { port: 1 }),
  ]);
  const interpreter = naming([mounted(staticNamer, "/s", web), rewriting]);
  assert.equal(bindOf(interpreter, "/#/r/web"), "/#/s/web + /");
});

test("a namer may be replaced by itself: its transformers do not apply to their own path", () => {
  const own = [configured(replace, { path: "/#/s/web" })];
  const names = { names: { web: ["10.0.0.1:80"], old: ["10.0.0.2:80"] } };
  const interpreter = naming([mounted(staticNamer, "/s", names, own)]);
  assert.equal(bindOf(interpreter, "/#/s/old"), "/%/io.l5d.replace/#/s/web + /");
});

test("a delegation shows what transformers do, behind namers and interpreters", (t) => {
  const inner = [configured(port, { port: 1 })];
  const outer = [configured(replace, { path: "/$/inet/9" })];
  const interpreter = naming([mounted(staticNamer, "/s", web, inner)], outer);
  const live = interpreter.delegate(emptyDtab, pathLiteral("/#/s/web"));
  t.after(live.watch(() => {}));
  assert.ok(live.state.kind === "ok");
  assert.equal(
    traceText(live.state.value),
    [
      "/#/s/web  through io.l5d.port/1",
      "  /#/s/web  through io.l5d.replace",
      "    /#/s/web  1 address: 127.0.0.1:9",
    ].join("\n"),
  );
  const json = delegationJson(live.state.value);
  assert.deepEqual([json["type"], json["name"]], ["transformation", "io.l5d.port/1"]);
});

test("a delegation of what is constant shows only that", (t) => {
  const outer = [configured(constTransformer, { path: "/$/inet/9" })];
  const interpreter = naming([mounted(staticNamer, "/s", web)], outer);
  const live = interpreter.delegate(emptyDtab, pathLiteral("/#/s/web"));
  t.after(live.watch(() => {}));
  assert.ok(live.state.kind === "ok");
  assert.equal(
    traceText(live.state.value),
    "/#/s/web  through io.l5d.const\n  /#/s/web  1 address: 127.0.0.1:9",
  );
});
