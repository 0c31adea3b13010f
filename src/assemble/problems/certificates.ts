// Certificates near their end, and new files that are not usable.
import type { CertificateState } from "../../net/tls/tls-store.ts";
import type { Finding, Findings } from "./finding.ts";

const dayMs = 24 * 60 * 60 * 1000;
const warnBeforeMs = 14 * dayMs;

export function* certificateFindings(
  states: readonly CertificateState[],
  wallMs: number,
): Findings {
  for (const state of states) {
    yield expiry(state, wallMs);
    yield broken(state);
  }
}

function expiry(
  { file, notBeforeMs, notAfterMs }: CertificateState,
  wallMs: number,
): Finding | null {
  const leftMs = notAfterMs - wallMs;
  if (wallMs >= notBeforeMs && leftMs > warnBeforeMs) return null;
  const at = (ms: number) => new Date(ms).toISOString();
  const shared = {
    kind: "certificate-expiring",
    key: file,
    steps: null,
    subject: {},
    advice: "Renew it: the new files are read while the proxy runs.",
  } as const;
  if (wallMs < notBeforeMs) {
    const text = `The certificate ${file} is not valid before ${at(notBeforeMs)}.`;
    return { ...shared, severity: "critical", text };
  }
  if (leftMs < 0) {
    const text = `The certificate ${file} expired at ${at(notAfterMs)}.`;
    return { ...shared, severity: "critical", text };
  }
  const days = Math.floor(leftMs / dayMs);
  const text = `The certificate ${file} expires in ${days} days, at ${at(notAfterMs)}.`;
  return { ...shared, severity: "warning", text };
}

function broken({ file, problem }: CertificateState): Finding | null {
  if (problem === null) return null;
  return {
    kind: "certificate-broken",
    key: file,
    severity: "warning",
    text: `The new files of the certificate ${file} are not usable, so the previous ones stay: ${problem}.`,
    advice:
      "Put a certificate and the key that belongs to it there; they are read again until they are whole.",
    steps: null,
    subject: {},
  };
}
