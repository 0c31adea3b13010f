// Real certificates, made by OpenSSL in a folder of the test.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
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
