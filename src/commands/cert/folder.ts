// The folder of a small CA: `ca.pem` and `ca.key`, and what it has issued. All files are for their owner alone.
import { createPrivateKey, createPublicKey, X509Certificate } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import path from "node:path";
import { makeAuthority, makeCertificate } from "./certificates.ts";
import type { Authority, MadePair, Validity } from "./certificates.ts";

const dayMs = 24 * 60 * 60 * 1000;
/** Clocks of other hosts may be late. */
const backdatedMs = 5 * 60 * 1000;

export interface Written {
  readonly certPath: string;
  readonly keyPath: string;
  readonly notAfter: Date;
}

export interface IssueOptions {
  readonly folder: string;
  readonly days: number;
  /** Replaces files that exist. */
  readonly force: boolean;
  /** Since 1970. */
  readonly nowMs: number;
}

/** Makes the CA. Throws with a text for people. */
export function initAuthority(name: string, options: IssueOptions): Written {
  const validity = validityOf(options, Infinity);
  return write("ca", makeAuthority(name, validity), validity, options);
}

/** One certificate for all the names, in files called after the first. Throws with a text for people. */
export function issue(names: readonly string[], options: IssueOptions): Written {
  const wrong = names.find((name) => !isName(name));
  if (wrong !== undefined || names.length === 0) {
    throw new Error(`'${wrong ?? ""}' is neither a DNS name, nor an IP address, nor a URI`);
  }
  const { authority, notAfterMs } = readAuthority(options);
  const validity = validityOf(options, notAfterMs);
  return write(fileNameOf(names), makeCertificate(names, authority, validity), validity, options);
}

/** `spiffe://example.com/ns/web` is `example.com-ns-web`. */
function fileNameOf([first = ""]: readonly string[]): string {
  const name = first.replace(/^\w+:\/\//, "").replaceAll(/[^\w.-]+/g, "-");
  if (name === "ca")
    throw new Error("a certificate for 'ca' would replace the CA: put another name first");
  return name.replace(/^[.-]+/, "_");
}

function isName(name: string): boolean {
  if (isIP(name) > 0) return true;
  if (name.length > 255) return false;
  if (/^[a-z][a-z0-9+.-]*:\/\/[\x21-\x7e]+$/i.test(name)) return !/[;,"\\]/.test(name);
  return /^(?:\*\.)?[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*$/i.test(
    name,
  );
}

function readAuthority({ folder, nowMs }: IssueOptions): {
  readonly authority: Authority;
  readonly notAfterMs: number;
} {
  const [certPath, keyPath] = [path.join(folder, "ca.pem"), path.join(folder, "ca.key")];
  if (!existsSync(certPath) || !existsSync(keyPath)) {
    throw new Error(`${folder} has no CA (ca.pem, ca.key): make one with switchyard cert init`);
  }
  const certificate = new X509Certificate(readFileSync(certPath));
  const key = createPrivateKey(readFileSync(keyPath));
  if (!certificate.checkPrivateKey(key))
    throw new Error(`${keyPath} does not belong to ${certPath}`);
  if (!certificate.ca) throw new Error(`${certPath} is not a CA`);
  const name = /(?:^|\n)CN=(.*)/.exec(certificate.subject)?.[1];
  // Signed by its name alone: another CA's subject would not match.
  if (name === undefined || certificate.subject.includes("\n")) {
    throw new Error(
      `${certPath} was not made by switchyard cert init: issue with the tools of that CA`,
    );
  }
  const notAfterMs = Date.parse(certificate.validTo);
  if (notAfterMs < nowMs) throw new Error(`the CA ${certPath} has expired: ${certificate.validTo}`);
  return { authority: { name, key, publicKey: createPublicKey(key) }, notAfterMs };
}

/** Not longer than the CA. */
function validityOf({ days, nowMs }: IssueOptions, lastMs: number): Validity {
  const notAfter = new Date(Math.min(nowMs + days * dayMs, lastMs));
  return { notBefore: new Date(nowMs - backdatedMs), notAfter };
}

/** Whoever reads both files while they are replaced sees a pair that does not fit, and reads them again. */
function write(
  name: string,
  { cert, key }: MadePair,
  { notAfter }: Validity,
  options: IssueOptions,
): Written {
  const { folder, force } = options;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const [certPath, keyPath] = [path.join(folder, `${name}.pem`), path.join(folder, `${name}.key`)];
  const taken = [certPath, keyPath].find((file) => existsSync(file));
  if (taken !== undefined && !force) throw new Error(`${taken} exists: --force replaces it`);
  replace(keyPath, key);
  replace(certPath, cert);
  return { certPath, keyPath, notAfter };
}

function replace(file: string, text: string): void {
  const fresh = `${file}.new`;
  rmSync(fresh, { force: true });
  writeFileSync(fresh, text, { mode: 0o600, flag: "wx" });
  renameSync(fresh, file);
}
