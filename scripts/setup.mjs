// Makes a checkout runnable: installs what package-lock.json says, when it is not there yet, compiles, and
// bundles the dashboard. It is `npm run build`, and runs before `npm start`, `npm test`, `npm run bench` and
// `npm pack`; does nothing it need not do.
//   --clean   compiles into an empty dist, so that nothing of an older source is packed
import { spawnSync } from "node:child_process";
import { existsSync, lstatSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import path from "node:path";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`switchyard needs Node 20.19 or newer; this is ${process.version}.`);
  process.exit(1);
}

function run(command, args) {
  const { status } = spawnSync(command, args, { cwd: root, stdio: ["ignore", 2, 2] });
  if (status !== 0) {
    console.error(`setup: \`${[command, ...args].join(" ")}\` failed`);
    process.exit(1);
  }
}

const modules = path.join(root, "node_modules");
const stamp = path.join(modules, ".switchyard-setup");
// A link: the packages belong to another folder, which others may be using right now.
const isLink = lstatSync(modules, { throwIfNoEntry: false })?.isSymbolicLink() === true;
const lock = createHash("sha256")
  .update(readFileSync(path.join(root, "package-lock.json")))
  .digest("hex");
const isInstalled = existsSync(stamp) && readFileSync(stamp, "utf8") === lock;
if (!isLink && !isInstalled) {
  console.error("setup: installing packages (once)");
  run("npm", ["ci", "--no-fund", "--no-audit", "--loglevel=error"]);
  writeFileSync(stamp, lock);
}
if (process.argv.includes("--clean")) {
  rmSync(path.join(root, "dist"), { recursive: true, force: true });
}
const compiler = path.join(modules, "typescript", "bin", "tsc");
run(process.execPath, [compiler, "-p", "tsconfig.json"]);
run(process.execPath, [compiler, "-p", path.join("dashboard", "tsconfig.json")]);
run(process.execPath, [path.join("scripts", "build-dashboard.mjs")]);
