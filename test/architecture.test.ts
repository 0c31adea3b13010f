// The plan of the house, kept: directions of import, banned words, lengths.
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  bannedWords,
  floors,
  tooLong,
  wrongImports,
  type Sources,
} from "./support/architecture.ts";
import {
  circles,
  codecLeaks,
  crowdedFolders,
  floorsOf,
  missingRoles,
  protocolPlan,
} from "./support/layout.ts";
import { blankOut, functionsOf, importsOf } from "./support/source.ts";

/** dist/test/architecture.test.js is two folders below the checkout. */
const checkout = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");

function sourcesBelow(...folders: string[]): Sources {
  const sources = new Map<string, string>();
  for (const folder of folders) {
    if (!existsSync(path.join(checkout, folder))) continue;
    for (const name of readdirSync(path.join(checkout, folder), { recursive: true })) {
      const file = path.join(folder, String(name)).replaceAll(path.sep, "/");
      if (/\.tsx?$/.test(file)) sources.set(file, readFileSync(path.join(checkout, file), "utf8"));
    }
  }
  return sources;
}

function report(problems: readonly string[]): void {
  assert.ok(problems.length === 0, `\n${problems.join("\n")}\n`);
}

test("imports go only where the plan of the house lets them", () => {
  const sources = sourcesBelow("src", "protocols", "dashboard");
  assert.ok(sources.size > 10, "the sources were not found");
  report(wrongImports(sources));
});

test("core, routing and protocols take time, chance and logs as arguments", () => {
  report(bannedWords(sourcesBelow("src", "protocols")));
});

test("no file and no function is too long to be read in one go", () => {
  report(tooLong(sourcesBelow("src", "protocols", "dashboard", "demo", "bench")));
});

test("every protocol folder is built on the same plan", () => {
  report(missingRoles(sourcesBelow("protocols")));
});

test("codecs know bytes and messages, neither sockets nor servers, clients or filters", () => {
  report(codecLeaks(sourcesBelow("protocols")));
});

test("no folder is crowded", () => {
  report(crowdedFolders(sourcesBelow("src", "protocols", "dashboard", "demo", "bench")));
});

test("files need each other in one direction only", () => {
  report(circles(sourcesBelow("src", "protocols")));
});

test("the dashboard takes types of the process, and nothing that runs", () => {
  for (const [file, source] of sourcesBelow("dashboard")) {
    const taken = importsOf(source).filter(({ specifier }) => specifier.includes("../src/"));
    for (const { line, isDeferred } of taken) assert.ok(isDeferred, `${file}:${line}: import type`);
    assert.doesNotMatch(source, /innerHTML/i, `${file}: what is shown is text, never markup`);
  }
});

test("the imports of a protocol folder are at most eight floors deep", () => {
  const sources = sourcesBelow("protocols");
  for (const name of readdirSync(path.join(checkout, "protocols"))) {
    const floors = floorsOf(sources, `protocols/${name}/`);
    assert.ok(floors <= 8, `protocols/${name}: ${floors} floors`);
  }
});

test("half of the files have at most a hundred lines", () => {
  const lengths = [...sourcesBelow("src", "protocols").values()]
    .map((source) => source.trimEnd().split("\n").length)
    .sort((a, b) => a - b);
  const median = lengths[Math.floor(lengths.length / 2)] ?? 0;
  assert.ok(median <= 100, `the median is ${median}`);
});

test("no comment and no test cites a list that is not in the repository", () => {
  const cited = /\bfacts? \d|\bof the facts\b|\bproperty \d|\btest\(\s*["`]\d+:/i;
  const problems = [...sourcesBelow("src", "protocols", "demo", "bench", "test")]
    .filter(([file]) => file !== "test/architecture.test.ts")
    .flatMap(([file, source]) =>
      source
        .split("\n")
        .flatMap((line, at) => (cited.test(line) ? [`${file}:${at + 1}: ${line.trim()}`] : [])),
    );
  report(problems);
});

test("every path that the maps of the repository name exists", () => {
  const named = /`((?:src|protocols|test|bench|demo|docs|scripts|bin|deploy|examples)\/[\w./-]*)`/g;
  for (const page of ["ARCHITECTURE.md", "STYLE.md", "CONTRIBUTING.md", "README.md"]) {
    const text = readFileSync(path.join(checkout, page), "utf8");
    const missing = [...text.matchAll(named)]
      .map(([, file = ""]) => file)
      .filter((file) => !existsSync(path.join(checkout, file)));
    assert.deepEqual(missing, [], `${page} names what does not exist`);
  }
});

// The checker itself: a rule that cannot fail is no rule.

const planted = (file: string, source: string): Sources => new Map([[file, source]]);

test("a protocol folder without one of the ten roles is reported", () => {
  const whole = protocolPlan.map((role) => [`protocols/x/${role}.ts`, ""] as const);
  assert.deepEqual(missingRoles(new Map(whole)), []);
  assert.match(missingRoles(new Map(whole.slice(1))).join(), /^protocols\/x\/index\.ts: /);
});

test("a codec that reaches up, or for a socket, is reported", () => {
  for (const specifier of ["../server/call.ts", "../client/wire.ts", "../filters.ts", "node:net"]) {
    const found = codecLeaks(
      planted("protocols/x/codec/a.ts", `import { x } from "${specifier}";\n`),
    );
    assert.equal(found.length, 1, specifier);
  }
  const fine = planted("protocols/x/codec/a.ts", 'import { x } from "../message.ts";\n');
  assert.deepEqual(codecLeaks(fine), []);
});

test("circles are reported unless they are of types", () => {
  const pair = (form: string): Sources =>
    new Map([
      ["src/a.ts", 'import { b } from "./b.ts";\n'],
      ["src/b.ts", `${form} { a } from "./a.ts";\n`],
    ]);
  assert.deepEqual(circles(pair("import")), ["src/a.ts -> src/b.ts -> src/a.ts"]);
  assert.deepEqual(circles(pair("import type")), []);
  assert.equal(floorsOf(pair("import type"), "src/"), 2);
});

test("the twenty-first file of a folder is reported", () => {
  const files = (count: number): Sources =>
    new Map(Array.from({ length: count }, (_, at) => [`src/x/${at}.ts`, ""]));
  assert.deepEqual(crowdedFolders(files(20)), []);
  assert.equal(crowdedFolders(files(21)).length, 1);
});

/** What each file's import is called wrong for; empty when it is right. */
const importCases: readonly (readonly [
  file: string,
  specifier: string,
  complaint: RegExp | null,
])[] = [
  ["src/core/path.ts", "./dtab.ts", null],
  ["src/core/path.ts", "valibot", null],
  ["src/core/path.ts", "node:net", /src\/core\/ may import from outside only valibot/],
  ["src/core/path.ts", "../net/dial.ts", /imports src\/net\/dial\.ts.*nothing of ours/],
  ["src/net/dial.ts", "node:net", null],
  ["src/net/dial.ts", "../core/clock.ts", null],
  [
    "src/net/dial.ts",
    "../naming/interpreter.ts",
    /src\/net\/ may import only itself and src\/core/,
  ],
  ["src/naming/namers/fs.ts", "../../runtime/timers.ts", null],
  ["src/routing/router.ts", "node:timers", /no sockets and no files/],
  ["src/routing/router.ts", "../../protocols/http/index.ts", /src\/routing\/ may import only/],
  ["src/routing/filters/stats.ts", "../router.ts", null],
  ["src/admin/server.ts", "../routing/router.ts", /let src\/assemble\.ts connect the two/],
  ["dashboard/pages/overview.tsx", "../../src/admin/dashboard/shapes.ts", null],
  ["dashboard/pages/overview.tsx", "../../src/admin/views.ts", /dashboard\/ may import only/],
  ["dashboard/pages/overview.tsx", "../parts/table.tsx", null],
  ["dashboard/pages/overview.tsx", "lodash", /dashboard\/ may import from outside only preact/],
  ["src/config/yaml.ts", "yaml", null],
  ["protocols/http/server.ts", "./parser.ts", null],
  ["protocols/http/server.ts", "../../src/net/accept.ts", null],
  ["protocols/http/server.ts", "../../src/routing/router.ts", /protocols\/ may import only/],
  ["protocols/http/server.ts", "../mux/tags.ts", /imports protocols\/mux\/tags\.ts/],
  ["protocols/thriftmux/index.ts", "../mux/tags.ts", null],
  ["protocols/thriftmux/index.ts", "../http/parser.ts", /imports protocols\/http\/parser\.ts/],
  ["src/plugins.ts", "../protocols/http/index.ts", null],
  ["src/plugins.ts", "./admin/server.ts", /src\/plugins\.ts may import only/],
  ["src/assemble.ts", "./admin/server.ts", null],
  ["src/assemble.ts", "../test/support/clock.ts", /imports test\/support\/clock\.ts/],
  ["src/main.ts", "./assemble.ts", null],
  ["src/main.ts", "./routing/router.ts", /src\/main\.ts may import only/],
  ["src/core/path.ts", "./dtab.js", /write the ending, \.ts/],
];

test("a planted import is refused or let through as the table says", () => {
  for (const [file, specifier, complaint] of importCases) {
    const forms = [
      `import { x } from "${specifier}";`,
      `import type {\n  X,\n} from "${specifier}";`,
      `export * from "${specifier}";`,
      `import "${specifier}";`,
      `const x = await import("${specifier}");`,
      `type X = import("${specifier}").X;`,
    ];
    for (const form of forms) {
      const found = wrongImports(planted(file, `// one\n${form}\n`));
      if (complaint === null) assert.deepEqual(found, [], `${file}: ${form}`);
      else {
        assert.equal(found.length, 1, `${file}: ${form}`);
        assert.match(found[0] ?? "", complaint);
        assert.match(found[0] ?? "", new RegExp(`^${file}:2: `));
      }
    }
  }
});

test("a folder that the table does not know is refused", () => {
  const found = wrongImports(planted("src/helpers/misc.ts", ""));
  assert.match(found.join(), /no rule for this folder/);
});

test("every row of the table exempts nobody by accident: files have one floor", () => {
  const files = floors.filter(({ at }) => !at.endsWith("/")).map(({ at }) => at);
  for (const file of files) assert.deepEqual(wrongImports(planted(file, "")), []);
});

test("an import in a comment or a string is none", () => {
  const source = `// import { x } from "./a.ts"\n/*\nimport "./b.ts";\n*/\nconst c = 'import("./c.ts")';\n`;
  assert.deepEqual(importsOf(source), []);
});

const banned = [
  "setTimeout(run, 5)",
  "setInterval(run, 5)",
  "Date.now()",
  "new Date()",
  "performance.now()",
  "Math.random()",
  'console.log("x")',
  "process.exit(1)",
  'process["env"]',
  "globalThis.setTimeout(run, 5)",
];

test("a planted banned word is refused, with what to use instead", () => {
  for (const word of banned) {
    for (const file of ["src/core/a.ts", "src/routing/a.ts", "protocols/http/a.ts"]) {
      const found = bannedWords(planted(file, `const a = 1;\nconst b = () => ${word};\n`));
      assert.equal(found.length, 1, `${file}: ${word}`);
      assert.match(found[0] ?? "", /^[\w/]+\.ts:2: .* is banned here: (?:use|take) /);
    }
  }
});

test("banned words are let through where they belong, and where they are only mentioned", () => {
  for (const file of ["src/assemble.ts", "src/runtime/timers.ts"]) {
    assert.deepEqual(bannedWords(planted(file, "setTimeout(run, 5);")), []);
  }
  const mentions = [
    "// never Date.now()",
    "/** setTimeout */",
    'const text = "console.log(1)";',
    "const t = `a ${b(`process.pid`)} Math.random`;",
    "queue.process.next();",
    "const process = 1;",
    "new Date(clock.wallMs());",
    "const re = /[/'] Date.now/;",
  ];
  for (const mention of mentions) {
    assert.deepEqual(bannedWords(planted("src/core/a.ts", `${mention}\n`)), [], mention);
  }
  const expression = "const t = `a ${Math.random()} b`;";
  assert.equal(bannedWords(planted("src/core/a.ts", expression)).length, 1);
});

const body = (lines: number, indent = "  "): string => `${indent}step();\n`.repeat(lines);

/** Heads of functions as the formatter lays them out, each with the indentation of its body. */
const heads = [
  "function f(a: number): void {",
  "export async function f(): Promise<{ a: number }> {",
  "export function f(\n  a: number,\n  b: { c: string },\n): string {",
  "const f = (a: number): void => {",
  "const f = ({\n  a,\n  b,\n}: Options): void => {",
  "call(1, (a) => {",
];

test("a function that is too long is found, whatever its head looks like", () => {
  for (const head of heads) {
    const headLines = head.split("\n").length;
    const sized = (lines: number): string => `${head}\n${body(lines - headLines - 1)}}\n`;
    assert.deepEqual(tooLong(planted("src/a.ts", sized(60))), [], head);
    const [found = "nothing", ...more] = tooLong(planted("src/a.ts", `\n${sized(61)}`));
    assert.match(found, /^src\/a\.ts:2: a function of 61 lines.*make them functions/, head);
    assert.deepEqual(more, []);
  }
});

const method = (lines: number): string => `  run(): void {\n${body(lines - 2, "    ")}  }\n`;

test("methods count; classes, control flow and object literals do not", () => {
  const twoMethods = `class A {\n${method(50)}\n${method(50)}}\n`;
  assert.deepEqual(tooLong(planted("src/a.ts", twoMethods)), []);
  assert.equal(tooLong(planted("src/a.ts", `class A {\n${method(61)}}\n`)).length, 1);
  const others = [
    "if (a) {",
    "} else if (a) {",
    "if (\n  a &&\n  b\n) {",
    "const a = {",
    "for (;;) {",
  ];
  for (const head of [...others, "outer: for (const a of b) {", "} catch (error) {"]) {
    assert.deepEqual(functionsOf(`${head}\n${body(80)}}\n`), [], head);
  }
});

test("a long function that says why is let through", () => {
  const source = `/** All states. Long because it is the table of RFC 9112. */\nfunction f(): void {\n${body(80)}}\n`;
  assert.deepEqual(tooLong(planted("src/a.ts", source)), []);
});

test("a file that is too long is found", () => {
  assert.deepEqual(tooLong(planted("src/a.ts", "a();\n".repeat(350))), []);
  assert.match(tooLong(planted("src/a.ts", "a();\n".repeat(351))).join(), /351 lines/);
});

test("blanking keeps every line break and every length", () => {
  for (const [file, source] of sourcesBelow("src", "protocols", "demo", "bench")) {
    const blanked = blankOut(source);
    assert.equal(blanked.length, source.length, file);
    assert.equal(blanked.split("\n").length, source.split("\n").length, file);
    const count = (char: string): number => blanked.split(char).length;
    assert.equal(
      count("{"),
      count("}"),
      `${file}: test/support/source.ts took a brace of a string or comment for code`,
    );
  }
});
