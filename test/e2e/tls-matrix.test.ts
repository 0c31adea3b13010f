// Which versions, cipher suites and types of keys a server takes by default, with OpenSSL as the caller.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { filesYaml, testAuthority } from "../support/certificates.ts";
import { hasPeer } from "../support/peers.ts";
import { startProxy } from "../support/proxy.ts";

type Key = "ec" | "rsa";

async function server(t: TestContext, key: Key): Promise<number> {
  const issued = testAuthority(t).issue("users.test", { key });
  const proxy = await startProxy(
    t,
    `
routers:
- protocol: http
  servers: [{ port: 0, tls: { ${filesYaml(issued)} } }]
`,
  );
  return proxy.port;
}

/** The suite that was agreed on; null: none was. The proxy lives in this process: it must not be blocked. */
function agreedWith(port: number, ...args: readonly string[]): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const how = ["s_client", "-connect", `127.0.0.1:${port}`, "-servername", "users.test"];
    const child = spawn("openssl", [...how, ...args]);
    let text = "";
    child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
    child.stderr.resume();
    child.on("error", reject);
    child.on("close", () => resolve(/^New, TLSv[\d.]+, Cipher is (\S+)$/m.exec(text)?.[1] ?? null));
    child.stdin.end("Q\n");
  });
}

const tls12: Readonly<Record<Key, readonly string[]>> = {
  ec: [
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
  ],
  rsa: [
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-RSA-CHACHA20-POLY1305",
  ],
};
const tls13 = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];
/** No encryption, no authentication, or broken. */
const never = ["NULL", "aNULL", "eNULL", "3DES", "RC4", "EXPORT", "MD5"];

for (const key of ["ec", "rsa"] as const) {
  test(`a server with a key of type ${key} speaks every sound suite of TLS 1.2 and 1.3, and no other`, async (t) => {
    if (!hasPeer(t, "openssl")) return;
    const port = await server(t, key);
    for (const suite of tls13) {
      assert.equal(await agreedWith(port, "-tls1_3", "-ciphersuites", suite), suite);
    }
    for (const suite of tls12[key]) {
      assert.equal(await agreedWith(port, "-tls1_2", "-cipher", suite), suite);
    }
    const other = key === "ec" ? "rsa" : "ec";
    for (const suite of [...tls12[other], ...never.map((kind) => `${kind}:@SECLEVEL=0`)]) {
      const agreed = await agreedWith(port, "-tls1_2", "-cipher", suite);
      assert.ok(agreed === null || agreed === "(NONE)", `${suite}: ${agreed}`);
    }
    for (const version of ["-tls1", "-tls1_1"]) {
      const agreed = await agreedWith(port, version, "-cipher", "DEFAULT:@SECLEVEL=0");
      assert.ok(agreed === null || agreed === "(NONE)", `${version}: ${agreed}`);
    }
  });
}
