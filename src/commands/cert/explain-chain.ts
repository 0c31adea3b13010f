// A chain of certificates in words.
import type { X509Certificate } from "node:crypto";
import {
  chainProblems,
  strengthProblems,
  validityProblems,
} from "../../runtime/certificate-problems.ts";
import type { Chain } from "./chain.ts";

export interface Explained {
  readonly lines: readonly string[];
  readonly problems: readonly string[];
}

const dayMs = 24 * 60 * 60 * 1000;

/** `nowMs`: since 1970. */
export function explainChain(chain: Chain, nowMs: number): Explained {
  const { certificates, facts, trusted, isServers } = chain;
  const lines = [...facts];
  certificates.forEach((certificate, i) => {
    const role = i === 0 ? "" : certificate.ca ? " (CA)" : " (not a CA)";
    lines.push(
      "",
      `${i + 1}. ${certificate.subject.replaceAll("\n", ", ") || "(no subject)"}${role}`,
    );
    lines.push(...factsOf(certificate, nowMs).map((fact) => `   ${fact}`));
  });
  const [leaf] = certificates;
  const problems = [
    ...chain.problems,
    ...certificates.flatMap((certificate, i) => {
      const found = [...validityProblems(certificate, nowMs), ...strengthProblems(certificate)];
      return found.map((problem) => `certificate ${i + 1} ${problem}`);
    }),
    ...chainProblems(certificates).map((problem) => `certificate 1 ${problem}`),
  ];
  if (leaf !== undefined && !leaf.ca && leaf.subjectAltName === undefined) {
    problems.push("certificate 1 has no subjectAltName, without which nobody accepts it");
  }
  if (leaf?.ca === true && isServers)
    problems.push("certificate 1 is a CA: servers present their own");
  const last = certificates.at(-1);
  if (!isServers && last !== undefined && trusted !== null && !isTrusted(last, trusted)) {
    problems.push(`no certificate of --ca has issued certificate ${certificates.length}`);
  }
  return { lines: lines[0] === "" ? lines.slice(1) : lines, problems };
}

function isTrusted(last: X509Certificate, trusted: readonly X509Certificate[]): boolean {
  return trusted.some((ca) => {
    if (ca.fingerprint256 === last.fingerprint256) return true;
    return last.checkIssued(ca) && last.verify(ca.publicKey);
  });
}

function factsOf(certificate: X509Certificate, nowMs: number): string[] {
  const { subjectAltName, issuer, validFrom, validTo, fingerprint256 } = certificate;
  const isOwn = certificate.checkIssued(certificate);
  return [
    `names     ${subjectAltName ?? (certificate.ca ? "none, as a CA needs none" : "none")}`,
    `issuer    ${isOwn ? "itself" : issuer.replaceAll("\n", ", ")}`,
    `valid     from ${validFrom} to ${validTo}, ${remaining(Date.parse(validTo) - nowMs)}`,
    `key       ${keyOf(certificate)}`,
    `made for  ${purposesOf(certificate)}`,
    `sha256    ${fingerprint256}`,
  ];
}

function remaining(ms: number): string {
  const days = Math.floor(Math.abs(ms) / dayMs);
  const shown = days === 1 ? "1 day" : `${days} days`;
  return ms < 0 ? `which ended ${shown} ago` : `${shown} from now`;
}

function keyOf({ publicKey }: X509Certificate): string {
  const { asymmetricKeyType = "unknown", asymmetricKeyDetails: details = {} } = publicKey;
  if (asymmetricKeyType === "ec") return `ECDSA, ${details.namedCurve ?? "unknown curve"}`;
  if (details.modulusLength !== undefined) {
    return `${asymmetricKeyType.toUpperCase()}, ${details.modulusLength} bits`;
  }
  return asymmetricKeyType;
}

const purposes: Readonly<Record<string, string>> = {
  "1.3.6.1.5.5.7.3.1": "servers",
  "1.3.6.1.5.5.7.3.2": "clients",
};

function purposesOf({ keyUsage, ca }: X509Certificate): string {
  if (ca) return "signing certificates";
  // Node calls the extended key usage so.
  const usages = (keyUsage as readonly string[] | undefined) ?? [];
  return usages.length === 0 ? "anything" : usages.map((id) => purposes[id] ?? id).join(", ");
}
