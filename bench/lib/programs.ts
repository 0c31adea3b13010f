// Finds the programs that scripts/install-peers installs.
import { spawnSync } from "node:child_process";
import { accessSync, constants, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** dist/bench/lib/programs.js is three folders below the checkout. */
export const checkout = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");

export const installHint = "scripts/install-peers --bench";

/** The path of an executable; null when it is missing. Debian keeps servers in /usr/sbin. */
export function findProgram(name: string): string | null {
  const folders = [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin", "/usr/local/sbin"];
  return folders.map((folder) => path.join(folder, name)).find(isExecutable) ?? null;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The first text that looks like a version in the program's version output. */
export function versionOf(program: string, option: string): string {
  const { stdout, stderr } = spawnSync(program, [option], { encoding: "utf8" });
  const said = `${stdout}${stderr}`.replaceAll(program, "");
  return /\d+(?:\.\d+)+/.exec(said)?.[0] ?? "?";
}

/** The version of an installed npm package; null when it is not installed. */
export function packageVersion(name: string): string | null {
  try {
    const file = createRequire(import.meta.url).resolve(`${name}/package.json`);
    const { version } = JSON.parse(readFileSync(file, "utf8")) as { version: string };
    return version;
  } catch {
    return null;
  }
}
