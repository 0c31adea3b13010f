// The version of this build, from package.json.
import { readFileSync } from "node:fs";

function readVersion(): string {
  // dist/src/version.js -> the package's own folder
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  const { version: found } = JSON.parse(text) as { version: string };
  return found;
}

export const version = readVersion();
