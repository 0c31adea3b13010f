import assert from "node:assert/strict";
import { test } from "node:test";
import type { TransformerConfig } from "../../src/config/config.ts";
import type { KindConfig } from "../../src/config/kinds.ts";
import { explainWith, openNaming } from "../../src/assemble/naming.ts";
import { emptyDtab } from "../../src/core/names/dtab.ts";
import { mapTree, showTree } from "../../src/core/names/nametree.ts";
import type { Interpreter } from "../../src/core/naming.ts";
import { join, pathLiteral, root } from "../../src/core/names/path.ts";
import { delegationToJson } from "../../src/naming/binding/delegation.ts";
import { traceText } from "../../src/naming/binding/trace.ts";
import { interpreters, namers, transformers } from "../../src/plugins.ts";
import * as v from "valibot";
import { simulatedClock } from "../support/clock.ts";
import { dtabLiteral, keptLog, noStats } from "../support/naming.ts";

const plugins = [...namers, ...transformers, ...interpreters];

/** A `kind:` object as a checked file has it. */
function checked(kind: string, keys: object): KindConfig {
  const plugin = plugins.find((each) => each.kind === kind);
  assert.ok(plugin !== undefined);
  return v.parse(plugin.schema, { kind, ...keys }) as KindConfig;
}

function transformer(kind: string, keys: object): TransformerConfig {
  return { idPrefix: root, config: checked(kind, keys) };
}

function mounted(
  kind: string,
  prefix: string,
  keys: object,
  list: readonly TransformerConfig[] = [],
) {
  const id = join(pathLiteral("/#"), pathLiteral(prefix));
  return { id, config: checked(kind, { prefix, ...keys }), transformers: list };
}

const web = { names: { web: ["10.0.0.1:80"] } };

function naming(
  configured: readonly ReturnType<typeof mounted>[],
  list: readonly TransformerConfig[] = [],
): Interpreter {
  const parts = {
    clock: simulatedClock(),
    random: () => 0.5,
    log: () => keptLog(),
    stats: noStats,
  };
  const interpreter = { config: checked("default", {}), transformers: list };
  return openNaming({ namers: configured }, parts).interpreterOf({ label: "http", interpreter });
}

function bindOf(interpreter: Interpreter, path: string): string {
  const live = interpreter.bind(emptyDtab, pathLiteral(path));
  const close = live.watch(() => {});
  const { state } = live;
  close();
  if (state.kind !== "ok") return state.kind === "failed" ? state.why.detail : "pending";
  return showTree(mapTree(state.value, ({ id, residual }) => `${id} + ${residual}`));
}

test("transformers stand behind a namer, the last one outermost", () => {
  const transformers = [
    transformer("io.l5d.port", { port: 1 }),
    transformer("io.l5d.port", { port: 2 }),
  ];
  const interpreter = naming([mounted("io.l5d.static", "/s", web, transformers)]);
  assert.equal(bindOf(interpreter, "/#/s/web/x"), "/%/io.l5d.port/2/%/io.l5d.port/1/#/s/web + /x");
  assert.equal(bindOf(interpreter, "/#/s/none"), "~");
});

test("transformers of the interpreter change all that it binds", () => {
  const interpreter = naming(
    [mounted("io.l5d.static", "/s", web)],
    [transformer("io.l5d.port", { port: 4141 })],
  );
  assert.equal(bindOf(interpreter, "/#/s/web"), "/%/io.l5d.port/4141/#/s/web + /");
  assert.equal(bindOf(interpreter, "/$/inet/80"), "/%/io.l5d.port/4141/$/inet/80 + /");
});

test("what a namer rewrites is not transformed by it", () => {
  const rewriting = mounted("io.l5d.rewrite", "/r", { pattern: "/{a}", name: "/#/s/{a}" }, [
    transformer("io.l5d.port", { port: 1 }),
  ]);
  const interpreter = naming([mounted("io.l5d.static", "/s", web), rewriting]);
  assert.equal(bindOf(interpreter, "/#/r/web"), "/#/s/web + /");
});

test("a namer may be replaced by itself: its transformers do not apply to their own path", () => {
  const own = [transformer("io.l5d.replace", { path: "/#/s/web" })];
  const names = { names: { web: ["10.0.0.1:80"], old: ["10.0.0.2:80"] } };
  const interpreter = naming([mounted("io.l5d.static", "/s", names, own)]);
  assert.equal(bindOf(interpreter, "/#/s/old"), "/%/io.l5d.replace/#/s/web + /");
});

test("a delegation shows what transformers do, behind namers and interpreters", (t) => {
  const inner = [transformer("io.l5d.port", { port: 1 })];
  const outer = [transformer("io.l5d.replace", { path: "/$/inet/9" })];
  const interpreter = naming([mounted("io.l5d.static", "/s", web, inner)], outer);
  const live = interpreter.delegate(emptyDtab, pathLiteral("/#/s/web"));
  t.after(live.watch(() => {}));
  assert.ok(live.state.kind === "ok");
  assert.equal(
    traceText(live.state.value),
    [
      "/#/s/web  through io.l5d.port/1",
      "  /#/s/web  through io.l5d.replace",
      "    /%/io.l5d.replace/$/inet/9  1 address: 127.0.0.1:9",
    ].join("\n"),
  );
  const json = delegationToJson(live.state.value);
  assert.deepEqual([json["type"], json["name"]], ["transformation", "io.l5d.port/1"]);
});

test("a delegation of what is constant shows only that", (t) => {
  const outer = [transformer("io.l5d.const", { path: "/$/inet/9" })];
  const interpreter = naming([mounted("io.l5d.static", "/s", web)], outer);
  const live = interpreter.delegate(emptyDtab, pathLiteral("/#/s/web"));
  t.after(live.watch(() => {}));
  assert.ok(live.state.kind === "ok");
  assert.equal(
    traceText(live.state.value),
    "/#/s/web  through io.l5d.const\n  /%/io.l5d.const/$/inet/9  1 address: 127.0.0.1:9",
  );
});

test("an explanation at a failure's time tells what is known, and leaves nothing watched", () => {
  const explain = explainWith(
    naming([mounted("io.l5d.static", "/s", web)]),
    dtabLiteral("/svc => /#/s"),
  );
  assert.equal(
    explain(pathLiteral("/svc/x"), emptyDtab),
    "/svc/x\n  /#/s/x  (/svc => /#/s)  no such name",
  );
  const loop = explain(pathLiteral("/a"), dtabLiteral("/a => /b; /b => /a"));
  assert.match(loop, /^\/a: Max recursion level reached\. .*\/a -> \/b -> \/a/);
});
