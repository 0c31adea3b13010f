// The command line as a stranger uses it: help, output, exit codes.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { beginningOf, command } from "../support/command.ts";
import { testFolder } from "../support/folder.ts";
import { line } from "../support/terminal.ts";

const names = ["run", "check", "explain", "fleet", "schema", "version"];

test("--help lists every command with exit code 0; no argument at all is wrong use", async () => {
  const { code, out, error } = await line(["--help"]);
  assert.deepEqual([code, error], [0, ""]);
  for (const name of names) assert.match(out, new RegExp(`^  ${name} +\\S`, "m"));
  const none = await line([]);
  assert.deepEqual([none.code, none.out, none.error], [2, "", out]);
});

for (const name of names) {
  test(`${name} --help shows its usage; so does help ${name}`, async () => {
    const [{ code, out, error }, help] = await Promise.all([
      line([name, "--help"]),
      line(["help", name]),
    ]);
    assert.deepEqual([code, error], [0, ""]);
    assert.match(out, new RegExp(`^Usage: switchyard ${name}\\b`));
    assert.equal(help.out, out);
  });

  test(`${name} refuses an unknown option with exit code 2 and says where help is`, async () => {
    const { code, out, error } = await line([name, "--bogus"]);
    assert.deepEqual([code, out], [2, ""]);
    assert.match(error, /'--bogus'/);
    assert.match(error, new RegExp(`Try \`switchyard ${name} --help\``));
  });
}

test("unknown commands and missing or extra arguments are exit code 2", async () => {
  for (const args of [
    ["rnu"],
    ["--bogus"],
    ["run"],
    ["run", "a", "b"],
    ["check"],
    ["explain"],
    ["explain", "file"],
    ["fleet"],
    ["fleet", "a", "b"],
    ["fleet", "file", "--json"],
    ["schema", "x"],
    ["version", "x"],
  ]) {
    const { code, out, error } = await line(args);
    assert.equal(code, 2, args.join(" "));
    assert.equal(out, "");
    assert.match(error, /^switchyard.*: .+\nTry `switchyard/);
  }
});

/** All files that a source imports, directly or not; `import()` and types do not count. */
function loadedWith(source: string, known = new Set<string>()): Set<string> {
  if (known.has(source)) return known;
  known.add(source);
  const text = readFileSync(source, "utf8");
  for (const [, from = ""] of text.matchAll(/^import (?!type )[^;]*?"(\.[^"]+)";$/gm)) {
    loadedWith(join(dirname(source), from), known);
  }
  return known;
}

test("help and version load the command line alone, not the proxy", () => {
  const loaded = Array.from(loadedWith("src/main.ts"));
  assert.ok(loaded.includes("src/commands/run.ts"));
  for (const heavy of ["src/plugins.ts", "src/assemble.ts", "src/config/check.ts"]) {
    assert.ok(existsSync(heavy) && !loaded.includes(heavy), heavy);
  }
  assert.ok(loaded.length < 35, loaded.join(" "));
});

test("version prints the package's version", async () => {
  const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
  const { code, out } = await line(["version"]);
  assert.equal(code, 0);
  assert.equal(out, `switchyard ${version} (node ${process.versions.node})\n`);
});

const broken = `admin: { prot: 9990 }
namers:
- kind: fs
  rootDir: /nonexistent
routers:
- protocol: http
  loadBalancer: { kind: p2c }
  dtab: |
    /svc => /#/io.l5d.fs ;
    /svc/x => /a // b ;
  servers:
  - port: "4140"
  - prot: 1
`;

test("check prints every error, then every warning, each with its place, and exits with 1", async (t) => {
  const folder = testFolder(t);
  folder.write("broken.yaml", broken);
  const name = join(folder.path, "broken.yaml");
  const { code, out, error } = await line(["check", name]);
  assert.deepEqual([code, out], [1, ""]);
  const lines = error.replaceAll(name, "FILE").trimEnd().split("\n");
  assert.deepEqual(
    lines.map((line) => /^\w+: FILE:\d+:\d+ \S+:/.exec(line)?.[0] ?? line),
    [
      "error: FILE:1:10 admin.prot:",
      "error: FILE:3:9 namers[0].kind:",
      "error: FILE:7:3 routers[0].loadBalancer:",
      "error: FILE:10:18 routers[0].dtab:",
      "error: FILE:13:5 routers[0].servers[1].prot:",
      "warning: FILE:4:12 namers[0].rootDir:",
      "warning: FILE:12:11 routers[0].servers[0].port:",
      "FILE: 5 errors, 2 warnings",
    ],
  );
});

test("check says ok to a good file and to one on standard input, YAML or JSON", async (t) => {
  const yaml = "routers: [{ protocol: http, servers: [{ port: 0 }] }]";
  const folder = testFolder(t);
  folder.write("good.yaml", yaml);
  const file = join(folder.path, "good.yaml");
  const good = await line(["check", file]);
  assert.deepEqual([good.code, good.out, good.error], [0, `${file}: ok\n`, ""]);
  for (const text of [yaml, '{"routers": [{"protocol": "http", "servers": [{"port": 0}]}]}']) {
    assert.deepEqual((await line(["check", "-"], { input: text })).out, "<stdin>: ok\n");
  }
});

const doubtful = "x-note: &p 0\nrouters: [{ protocol: http, servers: [{ port: '0', label: *p }] }]";

test("check --strict takes warnings for errors", async () => {
  const lenient = await line(["check", "-"], { input: doubtful });
  assert.deepEqual([lenient.code, lenient.out], [0, "<stdin>: ok, 2 warnings\n"]);
  const strict = await line(["check", "--strict", "-"], { input: doubtful });
  assert.deepEqual([strict.code, strict.out], [1, ""]);
  assert.match(strict.error, /^error: .*\nerror: .*\n<stdin>: 2 errors\n$/);
});

test("check --format json prints one object for programs, and nothing else", async () => {
  const json = ["check", "--format", "json", "-"];
  const good = await line(json, { input: doubtful });
  assert.deepEqual([good.code, good.error], [0, ""]);
  const { file, ok, errors, warnings } = JSON.parse(good.out);
  assert.deepEqual([file, ok, errors, warnings.length], ["<stdin>", true, [], 2]);
  assert.deepEqual(warnings[0], {
    line: 2,
    column: 47,
    path: "routers[0].servers[0].port",
    message: "is read as the number 0: leave out the quotes",
  });
  const bad = await line(json, { input: "routers: 5" });
  assert.equal(bad.code, 1);
  assert.equal(JSON.parse(bad.out).errors[0].message, "expected a list of routers, got 5");
  const missing = await line(["check", "/does/not/exist", "--format", "json"]);
  assert.equal(JSON.parse(missing.out).errors[0].line, null);
  assert.equal((await line(["check", "-", "--format", "xml"], { input: "" })).code, 2);
});

test("check and explain take --json and --format json for the same", async (t) => {
  const [long, short] = await Promise.all(
    [["--format", "json"], ["--json"]].map((json) =>
      line(["check", "-", ...json], { input: doubtful }),
    ),
  );
  assert.deepEqual(long, short);
  const explain = ["explain", twoRouters(t), "web", "--router=in"];
  const tree = await line([...explain, "--json"]);
  assert.deepEqual(await line([...explain, "--format", "json"]), tree);
  assert.equal((await line([...explain, "--format", "text"])).out.startsWith("{"), false);
  assert.equal((await line([...explain, "--format", "xml"])).code, 2);
  assert.equal((await line([...explain, "--json", "--format", "text"])).code, 2);
});

test("check colours its labels on a terminal", async () => {
  const { error } = await line(["check", "-"], { input: "routers: 5", hasColor: true });
  assert.match(error, /^\u001b\[1;31merror:\u001b\[0m <stdin>:1:10 routers: /);
});

test("run needs the certificates that check only warns about", async () => {
  const input =
    "namers: [{ kind: io.l5d.consul, tls: { trustCerts: [/does/not/exist.pem] } }]\n" +
    "routers: [{ protocol: http, servers: [{ port: 0 }] }]";
  const checked = await line(["check", "-"], { input });
  assert.deepEqual([checked.code, checked.out], [0, "<stdin>: ok, 1 warning\n"]);
  const run = await line(["run", "-"], { input });
  assert.equal(run.code, 1);
  assert.match(
    run.error,
    /^error: <stdin>:1:\d+ namers\[0\]\.tls\.trustCerts\[0\]: there is no file/,
  );
});

test("check says why a file cannot be read", async (t) => {
  const { path } = testFolder(t);
  const missing = await line(["check", join(path, "none.yaml")]);
  assert.equal(missing.code, 1);
  assert.match(
    missing.error,
    /^error: .*none\.yaml: cannot read the configuration: no such file\n.*: 1 error\n$/,
  );
  const folder = await line(["check", path]);
  assert.equal(folder.code, 1);
  assert.match(
    folder.error,
    /^error: .*: expected a configuration file, but this is not a regular file$/m,
  );
});

test("the dialect before 1.0 is a warning, not an error", async () => {
  const yaml =
    "routers: [{ protocol: http, baseDtab: '/http/1.1/* => /$/inet/127.1/80', servers: [{}] }]";
  const { code, out, error } = await line(["check", "-"], { input: yaml });
  assert.deepEqual([code, out], [0, "<stdin>: ok, 1 warning\n"]);
  assert.match(error, /^warning: <stdin>:1:\d+ routers\[0\]\.baseDtab: /);
});

test("the schema is JSON Schema that knows every protocol and its keys", async () => {
  const { code, out } = await line(["schema"]);
  assert.equal(code, 0);
  const schema = JSON.parse(out) as { $schema: string; properties: Record<string, unknown> };
  assert.match(schema.$schema, /json-schema\.org/);
  assert.deepEqual(
    ["admin", "namers", "routers", "telemetry"].filter((key) => !(key in schema.properties)),
    [],
  );
  for (const word of ["io.l5d.fs", "httpAccessLog", "ewma", "bindingTimeoutMs"]) {
    assert.ok(out.includes(`"${word}"`), word);
  }
});

/** A file with two routers and the folder that its namer reads. */
function twoRouters(t: TestContext): string {
  const folder = testFolder(t);
  folder.write("disco/web", "127.0.0.1 8080\n127.0.0.1 8081 * 0.5\n");
  folder.write("disco/canary", "127.0.0.1 8082\n");
  folder.write("disco/empty", "");
  folder.write(
    "two.yaml",
    `
namers: [{ kind: io.l5d.fs, rootDir: ${join(folder.path, "disco")} }]
routers:
- { protocol: http, label: out, dtab: "/svc => /#/io.l5d.fs/none | /#/io.l5d.fs", servers: [{ port: 0 }] }
- { protocol: http, label: in, dtab: "/svc/* => /$/inet/127.1/80", servers: [{ port: 0 }] }
`,
  );
  return join(folder.path, "two.yaml");
}

test("explain shows every alternative, without colour when it is read by a program", async (t) => {
  const file = twoRouters(t);
  const { code, out, error } = await line(["explain", file, "/svc/web", "--router", "out"]);
  assert.deepEqual([code, error], [0, ""]);
  assert.match(out, /^\/svc\/web\b/);
  assert.match(out, /^ +\/#\/io\.l5d\.fs\/none\/web .* no such name$/m);
  assert.match(out, /^ +\/#\/io\.l5d\.fs\/web .* 2 addresses: 127\.0\.0\.1:8080/m);
  assert.ok(!out.includes("\u001b"), "it has colours");
});

test("explain says which settings hold for the name and its clients, and which entry gave them", async (t) => {
  const folder = testFolder(t);
  folder.write(
    "policy.yaml",
    `
routers:
- protocol: http
  dtab: /svc => /$/inet/127.1/80
  servers: [{ port: 0 }]
  service: { kind: io.l5d.static, configs: [{ prefix: /svc/web, totalTimeoutMs: 300 }] }
`,
  );
  const { out } = await line(["explain", join(folder.path, "policy.yaml"), "web"]);
  assert.match(out, /^service policy of \/svc\/web, the rest are defaults:$/m);
  assert.match(out, /^ {2}totalTimeoutMs: 300 {2}\(service\.configs\[0\], prefix \/svc\/web\)$/m);
  assert.match(out, /^client policy of \/\$\/inet\/127\.1\/80: all defaults$/m);
});

test("explain uses colours on a terminal", async (t) => {
  const file = twoRouters(t);
  const { out } = await line(["explain", file, "web", "--router", "out"], { hasColor: true });
  assert.ok(out.includes("\u001b[32m"), out);
});

test("explain takes a bare name, and overrides as of the l5d-dtab header", async (t) => {
  const file = twoRouters(t);
  const override = "/svc/web => /svc/canary";
  const args = ["explain", file, "web", "--router", "out", "--dtab", override];
  const { code, out } = await line(args);
  assert.equal(code, 0);
  assert.match(out, /127\.0\.0\.1:8082/);
});

test("explain --json prints what /delegator.json gives", async (t) => {
  const file = twoRouters(t);
  const { code, out } = await line(["explain", file, "web", "--router=in", "--json"]);
  assert.equal(code, 0);
  const tree = JSON.parse(out) as { path: string; delegate: { bound: { id: string } } };
  assert.equal(tree.path, "/svc/web");
  assert.equal(tree.delegate.bound.id, "/$/inet/127.1/80");
});

test("explain exits with 1 and says so when there is no route, or no address", async (t) => {
  const file = twoRouters(t);
  const none = await line(["explain", file, "nobody", "--router", "out"]);
  assert.equal(none.code, 1);
  assert.equal(none.error, "/svc/nobody has no route.\n");
  assert.match(none.out, /no such name/);
  const empty = await line(["explain", file, "empty", "--router", "out"]);
  assert.equal(empty.code, 1);
  assert.equal(empty.error, "/svc/empty is bound, but has no addresses.\n");
});

test("explain wants to know which of several routers, and only one that there is", async (t) => {
  const file = twoRouters(t);
  const which = await line(["explain", file, "web"]);
  assert.equal(which.code, 2);
  assert.match(which.error, /choose one with --router: out, in/);
  const unknown = await line(["explain", file, "web", "--router", "up"]);
  assert.equal(unknown.code, 2);
  assert.match(unknown.error, /no router 'up'; available: out, in/);
});

test("explain points at the mistake in a name or a dtab", async (t) => {
  const file = twoRouters(t);
  const name = await line(["explain", file, "/svc//x", "--router", "out"]);
  assert.equal(name.code, 2);
  assert.match(name.error, /\/svc\/\/x is not a name: .* column 6/);
  const dtab = await line(["explain", file, "web", "--router", "out", "--dtab", "/a =>"]);
  assert.equal(dtab.code, 2);
  assert.match(dtab.error, /--dtab: .* column \d+/);
});

test("the program has the exit code and the output of its command, and no colour in a pipe", async (t) => {
  const file = twoRouters(t);
  const [bound, unbound, wrong] = await Promise.all([
    command(t, ["explain", file, "web", "--router", "out"]),
    command(t, ["explain", file, "nobody", "--router", "out"]),
    command(t, ["explain", file]),
  ]);
  assert.deepEqual([bound.code, unbound.code, wrong.code], [0, 1, 2]);
  assert.equal(bound.out, (await line(["explain", file, "web", "--router", "out"])).out);
  assert.equal(unbound.error, "/svc/nobody has no route.\n");
});

test("output of which a program reads the beginning alone is no error", async (t) => {
  const { code, error } = await beginningOf(t, ["schema"]);
  assert.deepEqual([code, error], [0, ""]);
});
