// Certificates, keys and CAs out of PEM files, checked. Errors name files and never show their content.
import type { KeyObject, X509Certificate } from "node:crypto";
import type { CertificateFiles } from "../core/tls/tls.ts";

/** Loaded when the first certificate is read: a process without TLS carries none of it. */
const crypto = () => process.getBuiltinModule("node:crypto");

/** A certificate that fits its key. */
export interface KeyPair {
  /** PEM: the certificate, then the intermediates. */
  readonly cert: string;
  readonly key: string;
  readonly leaf: X509Certificate;
  /** The certificates that follow it. */
  readonly chain: readonly X509Certificate[];
  /** DNS names of its subjectAltName, lower case. */
  readonly names: readonly string[];
  /** Milliseconds since 1970. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** `read` gives the text of a file, or throws. Throws with a text for people. */
export function keyPairOf(files: CertificateFiles, read: (path: string) => string): KeyPair {
  const { certPath, keyPath, intermediateCertsPath } = files;
  const own = read(certPath);
  const [leaf, ...following] = certificatesOf(own, certPath);
  if (leaf === undefined) throw new Error(`bug: no certificate in ${certPath}`);
  const key = read(keyPath);
  if (!leaf.checkPrivateKey(privateKey(key, keyPath))) {
    throw new Error(`the key ${keyPath} does not belong to the certificate ${certPath}`);
  }
  const further = intermediateCertsPath === null ? "" : read(intermediateCertsPath);
  if (intermediateCertsPath !== null) {
    following.push(...certificatesOf(further, intermediateCertsPath));
  }
  return {
    cert: `${own.trimEnd()}\n${further}`,
    key,
    leaf,
    chain: following,
    names: dnsNames(leaf),
    notBeforeMs: Date.parse(leaf.validFrom),
    notAfterMs: Date.parse(leaf.validTo),
  };
}

const block = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** All certificates of a PEM text; at least one. */
export function certificatesOf(pem: string, path: string): X509Certificate[] {
  const blocks = pem.match(block) ?? [];
  if (blocks.length === 0) throw new Error(`${path} has no certificate in PEM format`);
  return blocks.map((each) => {
    try {
      return new (crypto().X509Certificate)(each);
    } catch {
      throw new Error(`${path} has a certificate that cannot be read: it is damaged or incomplete`);
    }
  });
}

function privateKey(pem: string, path: string): KeyObject {
  if (/ENCRYPTED/.test(pem)) {
    throw new Error(`the key ${path} has a passphrase: store it without one, readable by us alone`);
  }
  try {
    return crypto().createPrivateKey(pem);
  } catch {
    throw new Error(`${path} has no private key in PEM format`);
  }
}

function dnsNames({ subjectAltName = "" }: X509Certificate): string[] {
  return subjectAltName
    .split(", ")
    .filter((entry) => /^DNS:[\w.*-]+$/.test(entry))
    .map((entry) => entry.slice("DNS:".length).toLowerCase());
}

/** The names of a certificate as people look for them. */
export function shownNames(leaf: X509Certificate): string {
  const names = leaf.subjectAltName ?? "";
  if (names === "") return `no names, but for its subject ${leaf.subject.replaceAll("\n", ", ")}`;
  return names.length > 200 ? `${names.slice(0, 200)}…` : names;
}
