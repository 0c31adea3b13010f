// Without TLS in the configuration a process carries none of it.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const at = (file: string) => fileURLToPath(new URL(`../../../${file}`, import.meta.url));

/** Whether a process that has imported `files` has loaded the sockets of node:tls. */
function loadsTls(files: readonly string[]): string {
  const code = `
    for (const file of ${JSON.stringify(files)}) await import(file);
    console.log(process.moduleLoadList.some((name) => /_tls_wrap|internal.tls.wrap/.test(name)));
  `;
  const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", code]);
  return stdout.toString();
}

test("node:tls is not loaded with the proxy, nor with any protocol", (t) => {
  if (loadsTls(["node:http"]) === "true\n") return t.skip("this Node loads it with node:http");
  const files = ["src/assemble.js", "src/plugins.js", "src/commands/run.js"].concat(
    ["http", "thrift", "mux", "thriftmux"].map((name) => `protocols/${name}/index.js`),
  );
  assert.equal(loadsTls(files.map(at)), "false\n");
  assert.equal(loadsTls(["node:tls"]), "true\n");
  return undefined;
});
