// Who a caller is: what its certificate says, which the handshake has verified. Loads nothing of TLS.
import type { X509Certificate } from "node:crypto";
import type { Socket } from "node:net";
import type { AlternativeName, PeerIdentity } from "../../core/tls/tls.ts";

/** null: plain text, or a caller that had to present no certificate. */
export function identityOf(socket: Socket): PeerIdentity | null {
  const { authorized, getPeerX509Certificate: read } = socket as Partial<SecureSocket>;
  if (authorized !== true || read === undefined) return null;
  const certificate = read.call(socket);
  return certificate === undefined ? null : new CertifiedIdentity(certificate);
}

interface SecureSocket {
  readonly authorized: boolean;
  getPeerX509Certificate(): X509Certificate | undefined;
}

/** A certificate with more is no mistake of ours. */
const maxNames = 100;

/** Reads the certificate when somebody asks: most connections need nothing of it. */
class CertifiedIdentity implements PeerIdentity {
  readonly #certificate: X509Certificate;
  #alternatives: readonly AlternativeName[] | null = null;

  constructor(certificate: X509Certificate) {
    this.#certificate = certificate;
  }

  get alternatives(): readonly AlternativeName[] {
    return (this.#alternatives ??= alternativesOf(this.#certificate.subjectAltName ?? ""));
  }

  get shown(): string {
    const named = this.alternatives.find(({ kind }) => kind === "URI") ?? this.alternatives[0];
    return printable(named?.value ?? this.subject);
  }

  get subject(): string {
    return rfc2253(this.#certificate.subject);
  }

  get sha256(): string {
    return this.#certificate.fingerprint256.replaceAll(":", "");
  }
}

const maxShownChars = 256;

/** On one line, whatever the certificate holds. */
function printable(name: string): string {
  return name.slice(0, maxShownChars).replace(/[^\x20-\x7e]/g, "?");
}

/** One entry of Node's text: values with special characters are quoted as in JSON. */
const entry = /([\w ]+):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/y;

function alternativesOf(text: string): readonly AlternativeName[] {
  const found: AlternativeName[] = [];
  entry.lastIndex = 0;
  while (found.length < maxNames) {
    const match = entry.exec(text);
    if (match === null || match[0] === "") return found;
    const [, kind = "", written = ""] = match;
    const value = unquoted(written);
    if (kind === "URI") found.push({ kind, value });
    else if (kind === "DNS") found.push({ kind, value: value.toLowerCase() });
  }
  return found;
}

function unquoted(written: string): string {
  if (!written.startsWith('"')) return written;
  try {
    return String(JSON.parse(written));
  } catch {
    return written;
  }
}

/** Node writes one attribute a line, the most general first; RFC 2253 section 2.1 wants the last one first. */
function rfc2253(subject: string | undefined): string {
  if (subject === undefined) return ""; // a certificate may have none
  return subject.trim().split("\n").toReversed().join(",");
}
