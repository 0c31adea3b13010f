// Real certificates, made by OpenSSL in a folder of the test.
import { execFileSync } from "node:child_process";
import { createPrivateKey, createPublicKey } from "node:crypto";
import { readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { makeCertificate } from "../../src/commands/cert/certificates.ts";
import { testFolder } from "./folder.ts";

export interface Issued {
  readonly certPath: string;
  readonly keyPath: string;
}

interface Wish {
  /** As OpenSSL writes it; absent: `DNS:<name>`. */
  readonly san?: string;
  /** Negative: it has expired. */
  readonly days?: number;
  readonly key?: "ec" | "rsa" | "weak-rsa";
}

export interface TestAuthority {
  readonly folder: string;
  readonly caPath: string;
  /** Writes `<name>.pem` and `<name>.key`, replacing both. */
  issue(name: string, wish?: Wish): Issued;
  /** A certificate for `name` in `<file>.pem` and `<file>.key`. */
  issueAs(file: string, name: string, wish?: Wish): Issued;
  /** By our own encoder, since OpenSSL's command knows only days. */
  issueUntil(name: string, notAfter: Date, notBefore?: Date): Issued;
  /** Some other file in the folder. */
  write(file: string, text: string): void;
}

const ec = (out: string) => ["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", out];
const rsa = (bits: string) => (out: string) => ["genrsa", "-out", out, bits];
const keyCommands = { ec, rsa: rsa("2048"), "weak-rsa": rsa("1024") };

/** A CA of its own. */
export function testAuthority(t: TestContext): TestAuthority {
  const folder = testFolder(t);
  const at = (name: string) => join(folder.path, name);
  const openssl = (...args: string[]) =>
    execFileSync("openssl", args, { cwd: folder.path, stdio: ["ignore", "pipe", "ignore"] });
  openssl(...ec("ca.key"));
  const ca = ["-key", "ca.key", "-subj", "/CN=test CA", "-days", "30", "-out", "ca.pem"];
  openssl("req", "-x509", "-new", ...ca);
  return {
    folder: folder.path,
    caPath: at("ca.pem"),
    write: (file, text) => folder.write(file, text),
    issueUntil(name, notAfter, notBefore = new Date(Date.now() - 60_000)) {
      const key = createPrivateKey(readFileSync(at("ca.key")));
      const authority = { name: "test CA", key, publicKey: createPublicKey(key) };
      const made = makeCertificate([name], authority, { notBefore, notAfter });
      folder.write(`${name}.pem`, made.cert);
      folder.write(`${name}.key`, made.key);
      return { certPath: at(`${name}.pem`), keyPath: at(`${name}.key`) };
    },
    issueAs(file, name, wish) {
      const issued = this.issue(name, wish);
      const [certPath, keyPath] = [at(`${file}.pem`), at(`${file}.key`)];
      renameSync(issued.certPath, certPath);
      renameSync(issued.keyPath, keyPath);
      return { certPath, keyPath };
    },
    issue(name, { san = `DNS:${name}`, days = 30, key = "ec" } = {}) {
      openssl(...keyCommands[key](`${name}.new.key`));
      openssl("req", "-new", "-key", `${name}.new.key`, "-subj", `/CN=${name}`, "-out", "csr");
      folder.write("extensions", san === "" ? "" : `subjectAltName=${san}\n`);
      const signing = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", `${days}`];
      const made = ["-extfile", "extensions", "-out", `${name}.new.pem`];
      openssl("x509", "-req", "-in", "csr", ...signing, ...made);
      for (const ending of ["pem", "key"]) {
        folder.write(`${name}.${ending}`, readFileSync(at(`${name}.new.${ending}`), "utf8"));
      }
      return { certPath: at(`${name}.pem`), keyPath: at(`${name}.key`) };
    },
  };
}

/** `certPath: ..., keyPath: ...` for YAML. */
export function filesYaml({ certPath, keyPath }: Issued): string {
  return `certPath: ${certPath}, keyPath: ${keyPath}`;
}
