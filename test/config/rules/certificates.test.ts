// What `check` says of the files of TLS.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { checkText } from "../../../src/config/check.ts";
import { filesYaml, testAuthority } from "../../support/certificates.ts";
import { hasPeer } from "../../support/peers.ts";
import { kinds } from "../real-kinds.ts";

interface Found {
  readonly warnings: readonly string[];
  readonly errors: readonly string[];
  readonly preventsRun: boolean;
}

function checked(text: string): Found {
  const result = checkText(text, kinds);
  const shown = ({ path, message }: { path: string; message: string }) => `${path}: ${message}`;
  return {
    warnings: result.warnings.map(shown),
    errors: result.ok ? [] : result.errors.map(shown),
    preventsRun: result.warnings.some(({ preventsRun }) => preventsRun),
  };
}

const withServer = (tls: string) =>
  checked(`routers: [{ protocol: http, servers: [{ tls: { ${tls} } }] }]`);
const withClient = (client: string) =>
  checked(`routers: [{ protocol: http, servers: [{}], client: ${client} }]`);

const none: Found = { warnings: [], errors: [], preventsRun: false };

test("good files are not mentioned", (t) => {
  if (!hasPeer(t, "openssl")) return;
  const authority = testAuthority(t);
  const [ec, rsa] = [authority.issue("ec.test"), authority.issue("rsa.test", { key: "rsa" })];
  const trust = `trustCertsBundle: ${authority.caPath}`;
  for (const issued of [ec, rsa]) {
    const files = filesYaml(issued);
    const mutual = `${files}, requireClientAuth: true, caCertPath: ${authority.caPath}`;
    assert.deepEqual(withServer(mutual), none);
    assert.deepEqual(
      withClient(`{ tls: { commonName: a, ${trust}, clientAuth: { ${files} } } }`),
      none,
    );
  }
});

test("certificates that callers will not accept are warnings, at the line that names them", (t) => {
  if (!hasPeer(t, "openssl")) return;
  const authority = testAuthority(t);
  const cases: readonly (readonly [Parameters<typeof authority.issue>[1], RegExp])[] = [
    [{ days: -1 }, /has expired: it was valid until /],
    [{ days: 10 }, /expires soon: it is valid until /],
    [{ key: "weak-rsa" }, /has a weak key: RSA with 1024 bits/],
    [{ san: "" }, /has no subjectAltName/],
  ];
  for (const [wish, problem] of cases) {
    const { warnings, preventsRun } = withServer(filesYaml(authority.issue("some.test", wish)));
    assert.equal(warnings.length, 1, problem.source);
    assert.match(warnings[0] ?? "", problem);
    assert.match(warnings[0] ?? "", /^routers\[0\]\.servers\[0\]\.tls\.certPath: the certificate /);
    assert.equal(preventsRun, false);
  }
});

test("a chain whose certificates do not follow one another is a warning", (t) => {
  if (!hasPeer(t, "openssl")) return;
  const authority = testAuthority(t);
  const issued = authority.issue("a.test");
  const other = authority.issue("b.test").certPath;
  const { warnings } = withServer(`${filesYaml(issued)}, intermediateCertsPath: ${other}`);
  assert.match(warnings.join(), /broken chain: its certificate 2 has not issued certificate 1/);
  const whole = withServer(`${filesYaml(issued)}, intermediateCertsPath: ${authority.caPath}`);
  assert.deepEqual(whole, none);
});

test("files that prevent a start are warnings that say so", (t) => {
  if (!hasPeer(t, "openssl")) return;
  const authority = testAuthority(t);
  const [one, two] = [authority.issue("one.test"), authority.issue("two.test")];
  const locked = `${authority.folder}/locked.key`;
  writeFileSync(locked, "-----BEGIN ENCRYPTED PRIVATE KEY-----\n");
  const cases: readonly (readonly [tls: string, problem: RegExp])[] = [
    [
      filesYaml({ ...one, keyPath: two.keyPath }),
      /the key .*two\.test\.key does not belong to the certificate .*one\.test\.pem/,
    ],
    [filesYaml({ ...one, keyPath: "/no/such.key" }), /there is no file \/no\/such\.key/],
    [filesYaml({ ...one, keyPath: locked }), /has a passphrase/],
    [filesYaml({ ...one, keyPath: one.certPath }), /has no private key in PEM format/],
    [filesYaml({ ...one, certPath: one.keyPath }), /has no certificate in PEM format/],
    [`${filesYaml(one)}, requireClientAuth: true, caCertPath: /no/ca.pem`, /no file \/no\/ca\.pem/],
  ];
  for (const [tls, problem] of cases) {
    const { warnings, preventsRun } = withServer(tls);
    assert.match(warnings.join(), problem);
    assert.equal(preventsRun, true, problem.source);
    const key = readFileSync(one.keyPath, "utf8").split("\n")[1] ?? "";
    assert.ok(!warnings.join().includes(key));
  }
});

test("the files of admin.tls and of Consul's tls are looked at, too", () => {
  const files = "certPath: /no/a.pem, keyPath: /no/a.key";
  const { warnings } = checked(`
admin: { tls: { ${files} } }
namers: [{ kind: io.l5d.consul, tls: { clientAuth: { ${files} } } }]
routers: [{ protocol: http, servers: [{}] }]
`);
  assert.deepEqual(
    warnings.map((warning) => warning.split(":")[0]),
    ["admin.tls.certPath", "admin.tls.keyPath"].concat([
      "namers[0].tls.clientAuth.certPath",
      "namers[0].tls.clientAuth.keyPath",
    ]),
  );
});

const wrong: readonly (readonly [what: string, check: () => Found, problem: RegExp])[] = [
  [
    "a certificate without a key",
    () => withServer("certPath: /a"),
    /tls: certPath and keyPath belong together/,
  ],
  [
    "no certificate",
    () => withServer("requireClientAuth: true"),
    /expected certPath and keyPath, or certificates/,
  ],
  [
    "protocols and minVersion",
    () => withServer("certPath: /a, keyPath: /b, minVersion: TLSv1.3, protocols: [TLSv1.3]"),
    /say the same/,
  ],
  [
    "a version that does not exist",
    () => withServer("certPath: /a, keyPath: /b, protocols: [SSLv3]"),
    /expected TLSv1\.2 or TLSv1\.3/,
  ],
  ["a client without a name", () => withClient("{ tls: {} }"), /expected commonName/],
  [
    "two ways to trust",
    () => withClient("{ tls: { commonName: a, trustCerts: [/a], trustCertsBundle: /b } }"),
    /exclude each other/,
  ],
  [
    "a certificate for anybody",
    () =>
      withClient("{ tls: { disableValidation: true, clientAuth: { certPath: /a, keyPath: /b } } }"),
    /disableValidation and clientAuth exclude/,
  ],
  [
    "a capture that the prefix does not have",
    () =>
      withClient(
        '{ kind: io.l5d.static, configs: [{ prefix: "/#/{a}", tls: { commonName: "{b}.test" } }] }',
      ),
    /the prefix \/#\/\{a\} has no \{b\}/,
  ],
  [
    "a capture without a prefix",
    () => withClient('{ tls: { commonName: "{b}.test" } }'),
    /has no \{b\}/,
  ],
];

for (const [what, check, problem] of wrong) {
  test(`refused: ${what}`, () => {
    assert.match(check().errors.join("\n"), problem);
  });
}

test("settings that are weaker than they look are warnings", () => {
  const files = "certPath: /no/a, keyPath: /no/b";
  const weak: readonly (readonly [Found, RegExp])[] = [
    [
      withServer(`${files}, requireClientAuth: true`),
      /certificate of any public CA: write caCertPath/,
    ],
    [withServer(`${files}, minVersion: TLSv1.1`), /TLSv1 and TLSv1\.1 are broken/],
    [withClient("{ tls: { disableValidation: true } }"), /any certificate is accepted/],
  ];
  for (const [{ warnings }, problem] of weak) assert.match(warnings.join("\n"), problem);
});
