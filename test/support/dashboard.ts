// The built dashboard, for tests that read its files: `npm run build` makes it, a plain compiler run does not.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";

const folder = "dist/dashboard";

/** The names of its files. Builds it if nobody has yet. */
export function builtDashboard(): readonly string[] {
  const manifest = `${folder}/manifest.json`;
  if (!existsSync(manifest) || !areThere(filesIn(manifest))) {
    const { status, stderr } = spawnSync(process.execPath, ["scripts/build-dashboard.mjs"]);
    assert.equal(status, 0, String(stderr));
  }
  return filesIn(manifest);
}

function filesIn(manifest: string): readonly string[] {
  return (JSON.parse(readFileSync(manifest, "utf8")) as { files: readonly string[] }).files;
}

function areThere(files: readonly string[]): boolean {
  return files.every((file) => existsSync(`${folder}/${file}.gz`));
}

/** What a browser downloads, compressed. */
export function zippedFile(name: string): Buffer {
  return readFileSync(`${folder}/${name}.gz`);
}
