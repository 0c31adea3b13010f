// However a good file is damaged, the check finishes in time and reports places that exist.
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkConfig } from "../support/check.ts";
import { maxTextLength } from "../../src/config/yaml/yaml.ts";
import { kinds } from "./kinds.ts";
import { cpuMs } from "../support/cpu-time.ts";

const good = `# everything once
admin: { ip: 0.0.0.0, port: 9990 }
namers:
- kind: io.l5d.fs
  rootDir: "disco"
  transformers: [{ kind: io.l5d.port, port: 80 }]
- &rw { kind: io.l5d.rewrite, prefix: /rw, pattern: "/{x}", name: '/y' }
- *rw
telemetry:
- kind: io.l5d.prometheus
routers:
- protocol: http
  label: in
  dtab: |
    /svc => /#/io.l5d.fs ;  # first
    /svc/* => 0.5 * /a & 0.5 * /b | ~ ;
  identifier: [{ kind: io.l5d.path, segments: 2 }]
  servers: &servers
  - port: 4140
    ip: 127.0.0.1
  client:
    loadBalancer: { kind: ewma, decayTimeMs: 100 }
    failureAccrual: { kind: io.l5d.consecutiveFailures, backoff: { kind: jittered, minMs: 1, maxMs: 2 } }
- { "protocol": "echo", "servers": [{ "port": 7 }], "baseDtab": "/a => /b" }
`;

/** mulberry32 */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const scraps = [
  "\t",
  "\n",
  " ",
  ":",
  ": ",
  "- ",
  "*",
  "&a ",
  "[",
  "]",
  "{",
  "}",
  '"',
  "'",
  "|",
  ">",
  "#",
  "!",
  "%",
  "@",
  "<<: ",
  "null",
  "~",
  "-1",
  "1e999",
  ".nan",
  "0x10",
  "99999999999999999999",
  "true",
  "yes",
  "kind",
  "routers",
  "\0",
  "\ufeff",
  "é",
  "\u{1F600}",
  "---\n",
  "...\n",
  "? ",
  "__proto__: ",
  "constructor: ",
  "\\",
  "\r\n",
  "=>",
  ";",
  "/",
  "$",
];

function mutated(text: string, random: () => number): string {
  const pick = (n: number) => Math.floor(random() * n);
  let result = text;
  for (let times = 1 + pick(4); times > 0; times--) {
    const at = pick(result.length);
    const to = at + pick(12);
    const scrap = scraps[pick(scraps.length)] ?? "";
    const kind = pick(5);
    if (kind === 0) result = result.slice(0, at) + result.slice(to);
    else if (kind === 1) result = result.slice(0, at) + scrap + result.slice(at);
    else if (kind === 2) result = result.slice(0, at) + scrap + result.slice(to);
    else if (kind === 3)
      result = result.slice(0, at) + result.slice(at, to).repeat(2) + result.slice(to);
    else result = withoutLine(result, pick(result.split("\n").length));
  }
  return result;
}

function withoutLine(text: string, index: number): string {
  return text
    .split("\n")
    .filter((_, i) => i !== index)
    .join("\n");
}

test("the file that the others are made of is good", () => {
  const result = checkConfig(good, "good.yaml", kinds);
  assert.deepEqual(result.ok ? [] : result.problems, []);
});

test("a good file with anything done to it gives a Config or problems at places that exist", () => {
  const seed = Number(process.env["SEED"] ?? 20_260_101);
  const random = seeded(seed);
  let refusals = 0;
  for (let round = 0; round < 500; round++) {
    const text = mutated(good, random);
    const context = `seed ${seed}, round ${round}:\n${text}`;
    const result = attempt(text, context);
    if (result.ok) continue;
    refusals++;
    assert.ok(result.problems.length > 0, context);
    const lines = text.split(/\n/);
    for (const problem of result.problems) {
      const place = /^f\.yaml:(\d+):(\d+)[ :][^\n]+$/.exec(problem);
      assert.ok(place, `${problem}\n${context}`);
      const [line, column] = [Number(place[1]), Number(place[2])];
      assert.ok(line >= 1 && line <= lines.length, `${problem}\n${context}`);
      assert.ok(
        column >= 1 && column <= (lines[line - 1] ?? "").length + 1,
        `${problem}\n${context}`,
      );
    }
  }
  assert.ok(refusals > 200, "the mutations do nothing");
});

function attempt(text: string, context: string) {
  try {
    return checkConfig(text, "f.yaml", kinds);
  } catch (error) {
    throw new Error(context, { cause: error });
  }
}

test("a huge file is checked in bounded time", () => {
  let text = "routers:\n";
  for (let i = 0; i < 4000; i++) {
    const server = `{ port: ${1 + (i % 60_000)}, ip: 127.0.0.1 }`;
    text += `- protocol: http\n  label: r${i}\n  unknown${i}: 1\n  servers: [${server}]\n`;
  }
  const started = cpuMs();
  const result = checkConfig(text, "huge.yaml", kinds);
  const tookMs = cpuMs() - started;
  assert.ok(!result.ok);
  assert.equal(result.problems.length, 4000);
  assert.ok(tookMs < 10_000, `took ${tookMs} ms`);
});

test("ten thousand servers of one port are compared in bounded time", () => {
  let text = "routers:\n- protocol: http\n  servers:\n";
  for (let i = 0; i < 10_000; i++) text += `  - { port: 1, ip: 10.0.${i >> 8}.${i & 255} }\n`;
  const started = cpuMs();
  assert.ok(checkConfig(text, "huge.yaml", kinds).ok);
  assert.ok(cpuMs() - started < 10_000);
});

test("a dtab that fills the file up to its limit is no trouble", () => {
  const entry = "    /svc/aaaaaaaaaaaaaaaaaaaa => /#/io.l5d.fs/bbbbbbbbbbbbbbbbbbbbbbbbbbbb ;\n";
  const head = "routers:\n- protocol: http\n  servers: [{}]\n  dtab: |\n";
  const text = head + entry.repeat(Math.floor((maxTextLength - head.length) / entry.length));
  const started = cpuMs();
  assert.ok(checkConfig(text, "huge.yaml", kinds).ok);
  assert.ok(cpuMs() - started < 10_000);
});
