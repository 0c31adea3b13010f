// What one resolution may cost: dtabs of callers that have no end, and large dtabs of operators.
import assert from "node:assert/strict";
import { performance } from "node:perf_hooks";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { emptyDtab } from "../../../src/core/names/dtab.ts";
import type { Dtab } from "../../../src/core/names/dtab.ts";
import { constant, ok } from "../../../src/core/live.ts";
import { evaluate, leaf } from "../../../src/core/names/nametree.ts";
import type { Bound } from "../../../src/core/naming.ts";
import { join, pathLiteral, root } from "../../../src/core/names/path.ts";
import type { Path } from "../../../src/core/names/path.ts";
import { dtabInterpreter } from "../../../src/naming/binding/binder.ts";
import { delegationToJson } from "../../../src/naming/binding/delegation.ts";
import { inOrder } from "../../../src/naming/binding/lookup.ts";
import { traceText } from "../../../src/naming/binding/trace.ts";
import { utilityNamer } from "../../../src/naming/built-in/built-in.ts";
import { cpuMs } from "../../support/cpu-time.ts";
import { dtabLiteral, fakeHosts } from "../../support/naming.ts";

const interpreter = dtabInterpreter(inOrder([], utilityNamer(fakeHosts())));

const many = (count: number, each: (i: number) => string, between: string): string =>
  Array.from({ length: count }, (_, i) => each(i)).join(between);

/** 60 names of 60 names each. */
const fan = (between: string, end: string): string =>
  `/svc => ${many(60, (i) => `/a/${i}`, between)} ; /a => ${many(60, (i) => `/b/${i}`, between)} ; /b => ${end}`;

/** What callers sent, or could: every one of these fits into 4 KiB and 100 entries. */
const hostile: Readonly<Record<string, readonly [dtab: string, name: string]>> = {
  "100 alternatives that lead back": [`/svc => ${many(100, () => "/svc", "|")}`, "/svc/users"],
  "four names of one": ["/svc => /svc/b|/svc/c|/svc/d|/svc/e", "/svc/users"],
  "four branches of one": ["/svc => /svc/b & /svc/c & /svc/d & /svc/e", "/svc/users"],
  "3,600 leaves without a loop": [fan(" & ", "/$/inet/127.0.0.1/80"), "/svc/users"],
  "3,600 alternatives without a loop": [fan(" | ", "~"), "/svc/users"],
  "two ways at each of 40 steps": [
    many(40, (i) => `/a${i} => /a${i + 1} | /a${i + 1}`, ";"),
    "/a0",
  ],
  "1,300 ends": [`/svc => ${many(1_300, () => "~", "|")}|/svc`, "/svc/users"],
  "a name that grows by 3 KB": [`/svc => /svc/${"x".repeat(3_000)}`, "/svc/users"],
  "a right side of 3 KB for every node": [
    `/svc => ${many(1_500, () => "~", "|")}|/svc/b`,
    "/svc/users",
  ],
  "wildcards that each match 400 segments": [
    `/* => ${many(100, () => "/x", "|")} ; ${many(4, () => `${"/*".repeat(400)} => ~`, ";")}`,
    "/a".repeat(1_000),
  ],
  "a host of 1,800 labels, taken apart again and again": [
    `/svc => /$/io.buoyant.http.domainToPathPfx/svc/${many(1_800, () => "a", ".")} | /svc`,
    "/svc/users",
  ],
  "1,500 segments behind a host": [
    `/svc => /$/io.buoyant.http.anyHostPfx/svc/h${"/a".repeat(1_500)} | /svc`,
    "/svc/users",
  ],
  "a host in escapes": [
    `/svc => /$/io.buoyant.http.anyHostPfx/svc/${"\\x7e".repeat(900)} | /svc`,
    "/svc/users",
  ],
};

interface Cost {
  readonly ms: number;
  readonly mb: number;
}

/** The least of several runs: what it costs when the machine does nothing else. */
function costOf(run: () => void): Cost {
  let [ms, mb] = [Infinity, Infinity];
  for (let i = 0; i < 30; i++) {
    const before = process.memoryUsage().heapUsed;
    const [startedMs, startedCpuMs] = [performance.now(), cpuMs()];
    run();
    ms = Math.min(ms, performance.now() - startedMs, cpuMs() - startedCpuMs);
    mb = Math.min(mb, (process.memoryUsage().heapUsed - before) / 1e6);
  }
  return { ms, mb };
}

function bind(base: Dtab, name: string, local: Dtab) {
  const live = interpreter.bind(base, pathLiteral(name), local);
  const close = live.watch(() => {});
  const { state } = live;
  close();
  return state;
}

function delegate(base: Dtab, name: string, local: Dtab, maxNodes?: number) {
  const options = maxNodes === undefined ? { local } : { local, maxNodes };
  const live = interpreter.delegate(base, pathLiteral(name), options);
  const close = live.watch(() => {});
  const { state } = live;
  close();
  return state;
}

for (const [what, [text, name]] of Object.entries(hostile)) {
  test(`a caller's dtab with ${what} costs little, however it is asked about`, () => {
    assert.ok(text.length <= 4_096 && text.split("=>").length <= 101, `${text.length} bytes`);
    const dtab = dtabLiteral(text);
    const binding = bind(emptyDtab, name, dtab);
    assert.equal(binding.kind, "failed");
    assert.match(
      binding.kind === "failed" ? binding.why.detail : "",
      /^(resolution went past (1,000 steps|512 KiB of names) of the caller's dtab at|Max recursion level reached)/,
    );
    let json = "";
    let explanation = "";
    const costs = {
      bind: costOf(() => void bind(emptyDtab, name, dtab)),
      delegate: costOf(() => {
        const state = delegate(emptyDtab, name, dtab);
        json = JSON.stringify(state.kind === "ok" ? delegationToJson(state.value) : state.kind);
      }),
      explain: costOf(() => {
        const state = delegate(emptyDtab, name, dtab, 200);
        explanation = state.kind === "ok" ? traceText(state.value) : "";
      }),
    };
    for (const [how, { ms, mb }] of Object.entries(costs)) {
      assert.ok(ms <= 5, `${how}: ${ms} ms`);
      assert.ok(mb <= 10, `${how}: ${mb} MB`);
    }
    assert.ok(json.length < 1_000_000, `${json.length} characters of JSON`);
    assert.ok(explanation.split("\n").length <= 101, explanation);
    assert.ok(explanation.length < 100_000, `${explanation.length} characters of explanation`);
  });
}

test("what a caller's entries lead to is held to the caller's budget, the rest is not", () => {
  const base = dtabLiteral(fan(" & ", "/$/inet/127.0.0.1/80"));
  const leaves = (local: string, name = "/svc/users") => {
    const state = bind(base, name, dtabLiteral(local));
    return state.kind === "ok" ? (evaluate(state.value)?.length ?? 0) : state.kind;
  };
  assert.equal(leaves(""), 3_600);
  assert.equal(leaves("/other => /a"), 3_600, "an entry that does not match");
  assert.equal(leaves("/b/7 => /$/inet/127.0.0.1/81"), 3_600, "60 of them come from the caller");
  assert.equal(leaves("/mine => /b/1 & /b/2", "/mine"), 2);
  assert.equal(leaves("/mine => /svc/x", "/mine"), "failed", "all of them come from the caller");
});

test("60 x 60 leaves are bound, and shown with every leaf", () => {
  const base = dtabLiteral(fan(" & ", "/$/inet/127.0.0.1/80"));
  const state = delegate(base, "/svc/users", emptyDtab);
  assert.ok(state.kind === "ok");
  const json = JSON.stringify(delegationToJson(state.value));
  assert.equal(json.split('"type":"leaf"').length - 1, 3_600);
  const short = delegate(base, "/svc/users", emptyDtab, 200);
  assert.ok(short.kind === "ok");
  const lines = traceText(short.value).split("\n");
  assert.equal(lines.length, 101);
  assert.equal(lines.at(-1), "... and more, which is left out");
});

test("lookups in namers count more than rewrites: a caller cannot open watches by the thousand", () => {
  let lookups = 0;
  const bound = (path: Path): Bound => ({
    id: join(pathLiteral("/#/n"), path),
    residual: root,
    addresses: constant(ok([])),
  });
  const namer = {
    lookup: (path: Path) => {
      lookups += 1;
      return constant(ok(leaf(bound(path))));
    },
    close: () => {},
  };
  const id = pathLiteral("/#/n");
  const withNamer = dtabInterpreter(inOrder([{ id, namer }], utilityNamer(fakeHosts())));
  const bindWith = (base: string, local: string) => {
    lookups = 0;
    const live = withNamer.bind(dtabLiteral(base), pathLiteral("/svc"), dtabLiteral(local));
    const close = live.watch(() => {});
    const { kind } = live.state;
    close();
    return [kind, lookups];
  };
  const names = (count: number) => `/svc => ${many(count, (i) => `/#/n/${i}`, " & ")}`;
  assert.deepEqual(bindWith("", names(30)), ["ok", 30]);
  assert.deepEqual(bindWith("", names(200)), ["failed", 32]);
  assert.deepEqual(bindWith(names(300), ""), ["ok", 300]);
});

test("a thousand dtabs of callers that have no end take little memory", () => {
  const lives = [];
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const size = () => {
    collect();
    return process.memoryUsage().heapUsed / 1e6;
  };
  const before = size();
  for (let i = 0; i < 1_000; i++) {
    const dtab = dtabLiteral(`/svc => /salt/${i} & /x ; ${fan(" & ", "/$/inet/127.0.0.1/80")}`);
    const live = interpreter.bind(emptyDtab, pathLiteral("/svc/users"), dtab);
    lives.push(live.watch(() => {}));
  }
  const mb = size() - before;
  for (const close of lives) close();
  assert.ok(mb < 40, `${mb} MB`);
});
