// What `npm pack` makes of a fresh checkout, and the command before anything is built.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";

/** From dist/test/commands. */
const checkout = fileURLToPath(new URL("../../..", import.meta.url));
const packages = join(checkout, "node_modules");

function emptyFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "switchyard-package-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The checkout as cloned: all that the package needs, and nothing built. */
function freshCheckout(t: TestContext): string {
  const folder = emptyFolder(t);
  const files = ["package.json", "package-lock.json", "tsconfig.json", "README.md", "LICENSE"];
  for (const name of [
    ...files,
    "bin",
    "dashboard",
    "deploy",
    "docs",
    "protocols",
    "scripts",
    "src",
  ]) {
    cpSync(join(checkout, name), join(folder, name), { recursive: true });
  }
  symlinkSync(packages, join(folder, "node_modules"));
  return folder;
}

function run(command: string, args: readonly string[], cwd: string) {
  const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env["PATH"]}` };
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, env, encoding: "utf8" });
  return { status, out: stdout, error: stderr };
}

const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true, encoding: "utf8" })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));

const yaml = `
admin: { port: 0 }
routers:
${["http", "thrift", "mux", "thriftmux"]
  .map((protocol) => `- { protocol: ${protocol}, dtab: /svc => /$/nil, servers: [{ port: 0 }] }`)
  .join("\n")}
`;

/** Unpacked into an empty folder, with the packages that npm would install beside it. */
function unpacked(t: TestContext): string {
  const source = freshCheckout(t);
  mkdirSync(join(source, "dist/src"), { recursive: true });
  writeFileSync(join(source, "dist/src/of-yesterday.js"), ""); // from a source that is gone
  const folder = emptyFolder(t);
  const packed = run("npm", ["pack", "--silent", "--pack-destination", folder], source);
  assert.equal(packed.status, 0, packed.error);
  const [archive = ""] = readdirSync(folder);
  assert.equal(run("tar", ["xf", archive], folder).status, 0);
  symlinkSync(packages, join(folder, "node_modules"));
  return join(folder, "package");
}

test("a package made of a fresh checkout is complete, holds nothing else, and runs", (t) => {
  const folder = unpacked(t);
  const files = filesBelow(folder);
  const allowed =
    /^(?:bin\/switchyard|dist\/(?:src|protocols)\/.*\.js|dist\/dashboard\/[\w.-]+|(?:deploy|docs)\/.*|package\.json|README\.md|LICENSE)$/;
  assert.deepEqual(
    files.filter((file) => !allowed.test(file)),
    [],
  );
  const built = (part: string) =>
    filesBelow(join(checkout, part))
      .filter((file) => file.endsWith(".ts"))
      .map((file) => join("dist", part, file.replace(/\.ts$/, ".js")));
  assert.deepEqual(
    files.filter((file) => /^dist\/(?!dashboard\/)/.test(file)).sort(),
    [...built("src"), ...built("protocols")].sort(),
  );
  const command = join(folder, "bin/switchyard");
  writeFileSync(join(folder, "all.yaml"), yaml);
  const version = run(command, ["version"], folder);
  assert.equal(version.status, 0, version.error);
  const checked = run(command, ["check", "all.yaml"], folder);
  assert.match(checked.out, /^all\.yaml: ok$/m, checked.error);
});

test("the package asks for every package that its code loads", () => {
  const { dependencies } = JSON.parse(readFileSync(join(checkout, "package.json"), "utf8")) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  const loaded = new Set<string>();
  for (const part of ["src", "protocols"]) {
    for (const file of filesBelow(join(checkout, part))) {
      const text = readFileSync(join(checkout, part, file), "utf8");
      // Types alone are gone from what is packed.
      const imports = /^(?:import|export)(?! type) [^;]*?from "([^"]+)"|\bimport\("([^"]+)"\)/gms;
      for (const [, named, lazy] of text.matchAll(imports)) loaded.add(named ?? lazy ?? "");
    }
  }
  const others = Array.from(loaded).filter((name) => !/^(?:\.|node:)/.test(name));
  assert.ok(others.includes("yaml"), "imports were found");
  const names = others.map((name) => /^(?:@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? name);
  assert.deepEqual(
    names.filter((name) => dependencies[name] === undefined),
    [],
  );
});

test("the command of a checkout that is not built says what to do", (t) => {
  const folder = freshCheckout(t);
  const { status, out, error } = run(join(folder, "bin/switchyard"), ["version"], folder);
  assert.deepEqual([status, out], [1, ""]);
  assert.equal(error, `switchyard is not built yet: run "npm run build" in ${folder}/\n`);
});
