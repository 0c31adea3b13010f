// Without TLS in the configuration a process carries none of it.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const at = (file: string) => fileURLToPath(new URL(`../../../${file}`, import.meta.url));

test("node:tls is not loaded with the proxy, nor with any protocol", () => {
  const files = ["src/assemble.js", "src/plugins.js", "src/commands/run.js"].concat(
    ["http", "thrift", "mux", "thriftmux"].map((name) => `protocols/${name}/index.js`),
  );
  const code = `
    for (const file of ${JSON.stringify(files.map(at))}) await import(file);
    console.log(process.moduleLoadList.filter((name) => /NativeModule (_?tls|_tls_wrap|https)$/.test(name)).join());
    await import("node:tls");
    console.log(process.moduleLoadList.some((name) => /NativeModule tls$/.test(name)));
  `;
  const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", code]);
  assert.equal(stdout.toString(), "\ntrue\n");
});
