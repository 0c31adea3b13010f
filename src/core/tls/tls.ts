// What the core knows of TLS: checked settings, and their running forms, which src/net/tls makes and uses.
import type { Close } from "../clock.ts";
import type { Counter } from "../stats.ts";

/** PEM files. They are read at the start and again whenever they change. */
export interface CertificateFiles {
  readonly certPath: string;
  readonly keyPath: string;
  readonly intermediateCertsPath: string | null;
}

export type TlsVersion = "TLSv1" | "TLSv1.1" | "TLSv1.2" | "TLSv1.3";

export interface TlsVersions {
  readonly min: TlsVersion;
  readonly max: TlsVersion;
}

/** `tls` of a server. */
export interface ServerTlsConfig {
  /** Never empty; the first is for callers that ask for no name, or for one that no certificate has. */
  readonly certificates: readonly CertificateFiles[];
  /** Who must have signed the certificates of callers; null: a CA that the system trusts. */
  readonly caCertPath: string | null;
  readonly requireClientAuth: boolean;
  /** Names of OpenSSL; empty: the library's choice. */
  readonly ciphers: readonly string[];
  readonly versions: TlsVersions;
  readonly handshakeTimeoutMs: number;
  /** Handshakes in progress; one more abandons the oldest. */
  readonly maxHandshakes: number;
}

/** `client.tls` that is not disabled. */
export interface ClientTlsConfig {
  /** With `{captures}` of the entry's prefix; null: no name is sent or checked. */
  readonly commonName: string | null;
  readonly disableValidation: boolean;
  /** A certificate without DNS names may have the name as its subject's common name. */
  readonly allowsSubjectName: boolean;
  /** Files of CAs; empty: those that the system trusts. */
  readonly trustPaths: readonly string[];
  readonly clientAuth: CertificateFiles | null;
  readonly versions: TlsVersions;
}

/** Of one server. */
export interface ServerTlsStats {
  readonly handshakes: Counter;
  readonly failures: Counter;
  /** Open connections whose handshake has succeeded. */
  connections: number;
}

/** A name of a subjectAltName; DNS names are in lower case. */
export interface AlternativeName {
  readonly kind: "URI" | "DNS";
  readonly value: string;
}

/** Who a caller is, by a certificate that its server has verified. */
export interface PeerIdentity {
  /** In the order of the certificate. */
  readonly alternatives: readonly AlternativeName[];
  /** The name that says the most, for people. */
  readonly shown: string;
  /** The distinguished name as RFC 2253 writes it; may be empty. */
  readonly subject: string;
  /** Of the certificate, in upper-case hexadecimal digits. */
  readonly sha256: string;
}

/** A certificate as a server presents it. */
export interface ServerCertificate {
  /** Lower case, of its subjectAltName; some begin with `*.`. */
  readonly names: readonly string[];
  /** For `createSecureContext` of node:tls. Contains the key: never shown. */
  readonly options: object;
}

/** TLS towards callers. */
export interface ServerTls {
  readonly config: ServerTlsConfig;
  readonly stats: ServerTlsStats;
  /** As the files are now, in the order of the configuration. */
  certificates(): readonly ServerCertificate[];
  /** Calls back whenever `certificates` gives something else. */
  watch(changed: () => void): Close;
}

/** TLS towards the endpoints of one cluster. */
export interface ClientTls {
  /** What the certificate of an endpoint must name; null: it is not checked. */
  readonly commonName: string | null;
  /** The setting that this came from, for people: `client.configs[1].tls`. */
  readonly setting: string;
  readonly isValidating: boolean;
  readonly allowsSubjectName: boolean;
  /** As the files are now. */
  context(): { readonly context: unknown };
  /** What resumes the last session with an address; null: nothing does, or its certificate was checked long ago. */
  sessionOf(address: string): Uint8Array | null;
  /**
   * Only of connections whose certificate was good. `notAfterMs`: the end of its validity, in milliseconds
   * since 1970; null: it was not presented again, since an earlier session was resumed.
   */
  keepSession(address: string, session: Uint8Array, notAfterMs: number | null): void;
}
