// Runs the compiled tests: every dist/test/**/*.test.js (Node 20 would take helpers for tests).
// Arguments that are not options keep only the files whose path contains one of them.
//   --node24   with the Node 24 of tools/node, installed on first use
//   --serial   one file at a time
//   --quick    the unit tests only: no stories, no soaks, nothing that needs a real server
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import path from "node:path";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const options = process.argv.slice(2).filter((argument) => argument.startsWith("--"));
const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));

function testsBelow(folder) {
  return readdirSync(folder)
    .map((name) => path.join(folder, name))
    .flatMap((file) => (statSync(file).isDirectory() ? testsBelow(file) : [file]))
    .filter((file) => file.endsWith(".test.js"));
}

function node24() {
  const folder = path.join(root, "tools", "node");
  const binary = path.join(folder, "node_modules", "node24", "bin", "node");
  if (!existsSync(binary)) {
    const { status } = spawnSync("npm", ["ci", "--no-fund", "--no-audit", "--ignore-scripts"], {
      cwd: folder,
      stdio: "inherit",
    });
    if (status !== 0) process.exit(1);
  }
  return binary;
}

/** What `--quick` leaves out. */
const isSlow = (file) => /[\\/](e2e|demo|docs|bench)[\\/]|\.(soak|peer)\.test\.js$/.test(file);

const binary = options.includes("--node24") ? node24() : process.execPath;
const files = testsBelow(path.join(root, "dist", "test"))
  .filter((file) =>
    existsSync(
      path.join(root, path.relative(path.join(root, "dist"), file).replace(/\.js$/, ".ts")),
    ),
  )
  .filter(
    (file) =>
      wanted.length === 0 || wanted.some((part) => path.relative(root, file).includes(part)),
  )
  .filter((file) => !options.includes("--quick") || !isSlow(path.relative(root, file)))
  .sort();
if (files.length === 0) {
  console.error("no test matches");
  process.exit(1);
}
// A test that waits for ever is a failure with a name, not a run without an end.
const args = ["--test", "--test-reporter=spec", "--test-timeout=240000"];
if (options.includes("--serial")) args.push("--test-concurrency=1");
// Node leaves one core free; the quick run does not, and many of its tests only wait. It does without
// source maps, since loading them takes as long as most files.
if (options.includes("--quick")) args.push(`--test-concurrency=${2 * availableParallelism()}`);
else args.unshift("--enable-source-maps");
const { status } = spawnSync(binary, [...args, ...files], { cwd: root, stdio: "inherit" });
process.exit(status ?? 1);
