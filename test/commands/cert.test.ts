// `switchyard cert`: a small CA, what it issues, and chains in words.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { filesYaml, testAuthority } from "../support/certificates.ts";
import { testFolder } from "../support/folder.ts";
import { hasPeer } from "../support/peers.ts";
import { startProxy } from "../support/proxy.ts";
import { deadPort } from "../support/service.ts";
import { line } from "../support/terminal.ts";

const cert = async (...args: readonly string[]) => {
  const { error: errors, ...rest } = await line(["cert", ...args]);
  return { ...rest, errors };
};

/** A folder with a CA. */
async function authority(t: TestContext): Promise<string> {
  const { path } = testFolder(t);
  const { code, errors } = await cert("init", "--folder", path);
  assert.equal(code, 0, errors);
  return path;
}

test("init makes a CA, and issue certificates that OpenSSL accepts for both sides", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const folder = await authority(t);
  const names = "users.example.com,*.users.example.com,10.0.0.7,spiffe://example.com/users";
  const { code, out } = await cert("issue", names, "web.example.com", "--folder", folder);
  assert.equal(code, 0);
  assert.match(out, /users\.example\.com\.pem, .*users\.example\.com\.key: for users/);
  for (const purpose of ["sslserver", "sslclient"]) {
    for (const file of ["users.example.com.pem", "web.example.com.pem"]) {
      const args = ["verify", "-x509_strict", "-purpose", purpose, "-CAfile", "ca.pem", file];
      assert.match(execFileSync("openssl", args, { cwd: folder }).toString(), /: OK/);
    }
  }
  const leaf = new X509Certificate(readFileSync(join(folder, "users.example.com.pem")));
  const san =
    "DNS:users.example.com, DNS:*.users.example.com, IP Address:10.0.0.7, URI:spiffe://example.com/users";
  assert.equal(leaf.subjectAltName, san);
  assert.equal(leaf.publicKey.asymmetricKeyDetails?.namedCurve, "prime256v1");
  const days = (Date.parse(leaf.validTo) - Date.now()) / 86_400_000;
  assert.ok(days > 29.9 && days <= 30, `${days} days`);
  assert.ok(!leaf.serialNumber.startsWith("-"));
});

test("all files are readable by their owner alone", async (t) => {
  const folder = await authority(t);
  await cert("issue", "users.test", "--folder", folder);
  const files = readdirSync(folder);
  assert.deepEqual(files.sort(), ["ca.key", "ca.pem", "users.test.key", "users.test.pem"]);
  for (const file of files) assert.equal(statSync(join(folder, file)).mode & 0o777, 0o600, file);
});

test("nothing is overwritten without --force, which renews", async (t) => {
  const folder = await authority(t);
  await cert("issue", "users.test", "--folder", folder);
  const before = readFileSync(join(folder, "users.test.pem"), "utf8");
  const ca = readFileSync(join(folder, "ca.key"), "utf8");
  for (const order of [["init"], ["issue", "users.test"]]) {
    const { code, errors } = await cert(...order, "--folder", folder);
    assert.equal(code, 1);
    assert.match(errors, /exists: --force replaces it/);
  }
  assert.equal(readFileSync(join(folder, "users.test.pem"), "utf8"), before);
  assert.equal(readFileSync(join(folder, "ca.key"), "utf8"), ca);
  assert.equal((await cert("issue", "users.test", "--force", "--folder", folder)).code, 0);
  assert.notEqual(readFileSync(join(folder, "users.test.pem"), "utf8"), before);
});

test("a certificate does not outlive its CA", async (t) => {
  const { path } = testFolder(t);
  await cert("init", "--days", "3", "--folder", path);
  await cert("issue", "users.test", "--folder", path);
  const [ca, leaf] = ["ca", "users.test"].map(
    (name) => new X509Certificate(readFileSync(join(path, `${name}.pem`))),
  );
  assert.equal(leaf?.validTo, ca?.validTo);
});

test("what cannot be issued is refused in words, and nothing is written", async (t) => {
  const folder = await authority(t);
  const wrong: readonly (readonly [string[], RegExp])[] = [
    [["issue", "two words"], /neither a DNS name, nor an IP address, nor a URI/],
    [["issue", "a..b"], /neither/],
    [["issue", ""], /neither/],
    [["issue", "spiffe://a;DNS=b"], /neither/],
    [["issue", "ca"], /would replace the CA/],
    [["issue", "users.test", "--days", "0"], /whole number from 1/],
    [["issue", "users.test", "--days", "x"], /whole number from 1/],
  ];
  for (const [args, words] of wrong) {
    const { code, errors } = await cert(...args, "--folder", folder);
    assert.equal(code, 1, args.join(" "));
    assert.match(errors, words);
  }
  const elsewhere = await cert("issue", "../users", "--folder", folder);
  assert.equal(elsewhere.code, 1);
  const { errors } = await cert("issue", "users.test", "--folder", join(folder, "none"));
  assert.match(errors, /has no CA .*switchyard cert init/);
  assert.deepEqual(readdirSync(folder).sort(), ["ca.key", "ca.pem"]);
});

test("wrong usage is wrong usage", async () => {
  for (const args of [[], ["issue"], ["show"], ["show", "a", "b"], ["init", "x"], ["sign"]]) {
    assert.equal((await cert(...args)).code, 2, args.join(" "));
  }
});

test("show explains a file, and what is wrong with it", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const folder = await authority(t);
  await cert("issue", "users.test", "--folder", folder);
  const file = join(folder, "users.test.pem");
  const good = await cert("show", file, "--ca", join(folder, "ca.pem"));
  assert.equal(good.code, 0, good.errors);
  assert.match(
    good.out,
    /^1\. CN=users\.test\n {3}names {5}DNS:users\.test\n {3}issuer {4}CN=switchyard CA\n/,
  );
  assert.match(
    good.out,
    /valid {5}from .* 29 days from now\n {3}key {7}ECDSA, prime256v1\n {3}made for {2}servers, clients/,
  );
  const other = testAuthority(t);
  const expired = other.issue("old.test", { days: -1, san: "" });
  const bad = await cert("show", expired.certPath, "--ca", join(folder, "ca.pem"));
  assert.equal(bad.code, 1);
  assert.match(bad.errors, /problem: certificate 1 has expired: it was valid until/);
  assert.match(bad.errors, /problem: certificate 1 has no subjectAltName/);
  assert.match(bad.errors, /problem: no certificate of --ca has issued certificate 1/);
  const weak = await cert("show", other.issue("weak.test", { key: "weak-rsa" }).certPath);
  assert.match(weak.errors, /weak key: RSA with 1024 bits/);
  for (const [place, words] of [
    [join(folder, "none.pem"), /there is no file/],
    [join(folder, "ca.key"), /has no certificate/],
  ] as const) {
    const { code, errors } = await cert("show", place);
    assert.equal(code, 1);
    assert.match(errors, words);
  }
});

test("show explains what a server presents, with its chain and its names", async (t) => {
  if (!hasPeer(t, "openssl")) return;
  const folder = await authority(t);
  await cert("issue", "users.test", "--folder", folder);
  const issued = {
    certPath: join(folder, "users.test.pem"),
    keyPath: join(folder, "users.test.key"),
  };
  const { port } = await startProxy(
    t,
    `
routers:
- protocol: http
  servers: [{ port: 0, tls: { ${filesYaml(issued)} } }]
`,
  );
  const ca = ["--ca", join(folder, "ca.pem")];
  const good = await cert("show", `127.0.0.1:${port}`, "--name", "users.test", ...ca);
  assert.equal(good.code, 0, good.errors);
  assert.match(good.out, new RegExp(`^127\\.0\\.0\\.1:${port} speaks TLSv1\\.3 with TLS_`));
  assert.match(good.out, /1\. CN=users\.test\n[^]*2\. CN=switchyard CA \(CA\)/);
  const stranger = await cert("show", `127.0.0.1:${port}`, "--name", "orders.test");
  assert.equal(stranger.code, 1);
  assert.match(stranger.errors, /it is not trusted/);
  assert.match(stranger.errors, /does not name orders\.test/);
  const known = await cert("show", `127.0.0.1:${port}`, "--name", "orders.test", ...ca);
  assert.equal(known.code, 1);
  assert.doesNotMatch(known.errors, /not trusted/);
  assert.match(known.errors, /does not name orders\.test/);
  const plain = await startProxy(t, "routers: [{ protocol: http, servers: [{ port: 0 }] }]");
  const untold = await cert("show", `127.0.0.1:${plain.port}`);
  assert.match(untold.errors, /what listens there does not speak TLS/);
  const nobody = await cert("show", `127.0.0.1:${await deadPort()}`);
  assert.match(nobody.errors, /nothing listens there/);
});
