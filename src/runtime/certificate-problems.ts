// What is wrong with a certificate, as the ends of sentences that begin with it.
import type { X509Certificate } from "node:crypto";
import { isIP } from "node:net";

const dayMs = 24 * 60 * 60 * 1000;
const soonMs = 14 * dayMs;
const minRsaBits = 2048;

/** `nowMs`: since 1970. */
export function validityProblems({ validFrom, validTo }: X509Certificate, nowMs: number): string[] {
  const [fromMs, toMs] = [Date.parse(validFrom), Date.parse(validTo)];
  if (nowMs < fromMs) return [`is not valid before ${validFrom}`];
  if (nowMs > toMs) return [`has expired: it was valid until ${validTo}`];
  return toMs - nowMs < soonMs ? [`expires soon: it is valid until ${validTo}`] : [];
}

export function strengthProblems({ publicKey }: X509Certificate): string[] {
  const bits = publicKey.asymmetricKeyDetails?.modulusLength ?? Infinity;
  if (bits >= minRsaBits) return [];
  return [`has a weak key: RSA with ${bits} bits; ${minRsaBits} is the least, ECDSA is better`];
}

/** Whether each certificate has signed the one before; the first is the one presented. */
export function chainProblems(chain: readonly X509Certificate[]): string[] {
  return chain.flatMap((signed, i) => {
    const signer = chain[i + 1];
    const isGood =
      signer === undefined || (signed.checkIssued(signer) && signed.verify(signer.publicKey));
    return isGood
      ? []
      : [`has a broken chain: its certificate ${i + 2} has not issued certificate ${i + 1}`];
  });
}

/**
 * By its subjectAltName alone: a common name is not a name of a host (RFC 9525 section 2), unless
 * `allowsSubject` and the certificate has no DNS names.
 */
export function isNamed(leaf: X509Certificate, name: string, allowsSubject = false): boolean {
  if (isIP(name) > 0) return leaf.checkIP(name) !== undefined;
  if (name.includes("://")) {
    return (leaf.subjectAltName ?? "").split(", ").includes(`URI:${name}`);
  }
  return leaf.checkHost(name, { subject: allowsSubject ? "default" : "never" }) !== undefined;
}
