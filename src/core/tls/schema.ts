// The keys of `tls`: of servers, of the admin server, of clients, and of whatever else talks TLS.
import * as v from "valibot";
import { integer, says, truth } from "../schema.ts";
import type {
  CertificateFiles,
  ClientTlsConfig,
  ServerTlsConfig,
  TlsVersion,
  TlsVersions,
} from "./tls.ts";

const versionNames = ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"] as const;
const expectedVersion = "expected TLSv1.2 or TLSv1.3 (or TLSv1, TLSv1.1, which are broken)";

const text = () => v.pipe(v.string("expected text"), v.nonEmpty("expected text that is not empty"));

/** That it exists is a matter of the machine that runs it: a rule of the configuration looks. */
const pemFile = () =>
  v.pipe(v.string("expected the path of a file"), v.nonEmpty("expected the path of a file"));

const protocols = () =>
  says(
    "Versions of TLS, from the lowest of the list to the highest. Default: TLSv1.2 and TLSv1.3.",
    v.optional(
      v.pipe(
        v.array(v.picklist(versionNames, expectedVersion), "expected a list, such as [TLSv1.3]"),
        v.nonEmpty("expected at least one of TLSv1.2 and TLSv1.3"),
      ),
    ),
  );

const intermediates = () =>
  says("PEM file with the certificates between it and the CA.", v.optional(pemFile()));

const certificate = () =>
  v.strictObject({
    certPath: says("PEM file with a certificate.", pemFile()),
    keyPath: says("PEM file with its private key.", pemFile()),
    intermediateCertsPath: intermediates(),
  });

const serverEntries = () => ({
  certPath: says("PEM file with the server's certificate.", v.optional(pemFile())),
  keyPath: says("PEM file with its private key.", v.optional(pemFile())),
  intermediateCertsPath: intermediates(),
  certificates: says(
    "Certificates for further names: the one that names what the caller asks for (SNI) is presented.",
    v.optional(v.array(certificate(), "expected a list of certificates"), []),
  ),
  caCertPath: says(
    "PEM file with the CAs that sign the certificates of callers. Default: those of the system.",
    v.optional(pemFile()),
  ),
  requireClientAuth: says(
    "Whether callers must present a certificate (mutual TLS).",
    v.optional(truth(), false),
  ),
  ciphers: says(
    "Cipher suites, by their names of OpenSSL or of the standards. Default: the library's.",
    v.optional(v.array(text(), "expected a list of cipher suites")),
  ),
  protocols: protocols(),
  minVersion: says(
    "The lowest version of TLS. Default: TLSv1.2.",
    v.optional(v.picklist(versionNames, expectedVersion)),
  ),
  handshakeTimeoutMs: says(
    "A caller that has not finished its handshake within this time is disconnected.",
    v.optional(integer(1), 10_000),
  ),
  maxHandshakes: says(
    "Handshakes that may be in progress; one more ends the oldest.",
    v.optional(integer(1), 1_000),
  ),
});

/** `tls` of a server, and `admin.tls`. */
export const serverTls = () =>
  v.pipe(
    v.strictObject(serverEntries()),
    v.check(
      ({ certPath, keyPath }) => (certPath === undefined) === (keyPath === undefined),
      "certPath and keyPath belong together: write both, or neither",
    ),
    v.check(
      ({ certPath, certificates }) => certPath !== undefined || certificates.length > 0,
      "expected certPath and keyPath, or certificates: a server needs one to present",
    ),
    v.check(
      ({ protocols: versions, minVersion }) => versions === undefined || minVersion === undefined,
      "protocols and minVersion say the same: write one of them",
    ),
  );

/** The keys of TLS towards any server. */
export const clientTlsEntries = () => ({
  enabled: says("false: plain text, also below a prefix that has TLS.", v.optional(truth(), true)),
  disableValidation: says(
    "Accepts any certificate. Whoever is in between can read and change everything.",
    v.optional(truth(), false),
  ),
  allowSubjectName: says(
    "Accepts a certificate without DNS names whose subject's common name is the commonName (obsolete since RFC 6125).",
    v.optional(truth(), false),
  ),
  commonName: says(
    "What the certificate must name, also sent as SNI. May have {captures} of the prefix.",
    v.optional(text()),
  ),
  trustCerts: says(
    "PEM files with CAs. Default: those of the system.",
    v.optional(v.array(pemFile(), "expected a list of files"), []),
  ),
  trustCertsBundle: says("PEM file with CAs.", v.optional(pemFile())),
  clientAuth: says("The certificate to present (mutual TLS).", v.optional(certificate())),
  protocols: protocols(),
});

const clientObject = () => v.strictObject(clientTlsEntries());
export type CheckedClientTls = v.InferOutput<ReturnType<typeof clientObject>>;

/** `client.tls` of a router. */
export const clientTls = () =>
  v.pipe(
    clientObject(),
    v.check(
      ({ trustCerts, trustCertsBundle }) =>
        trustCerts.length === 0 || trustCertsBundle === undefined,
      "trustCerts and trustCertsBundle exclude each other",
    ),
    v.check(
      ({ enabled, disableValidation, clientAuth }) =>
        !enabled || !disableValidation || clientAuth === undefined,
      "disableValidation and clientAuth exclude each other: the certificate would be shown to anybody",
    ),
    v.check(
      ({ enabled, disableValidation, commonName }) =>
        !enabled || disableValidation || commonName !== undefined,
      "expected commonName, the name that the certificates of the endpoints must have",
    ),
  );

export type CheckedServerTls = v.InferOutput<ReturnType<typeof serverTls>>;

export function serverTlsOf(checked: CheckedServerTls): ServerTlsConfig {
  const { certPath, keyPath, minVersion } = checked;
  const main =
    certPath === undefined || keyPath === undefined ? [] : [{ ...checked, certPath, keyPath }];
  return {
    certificates: [...main, ...checked.certificates].map(filesOf),
    caCertPath: checked.caCertPath ?? null,
    requireClientAuth: checked.requireClientAuth,
    ciphers: (checked.ciphers ?? []).map(opensslName),
    versions:
      minVersion === undefined
        ? versionsOf(checked.protocols)
        : { min: minVersion, max: "TLSv1.3" },
    handshakeTimeoutMs: checked.handshakeTimeoutMs,
    maxHandshakes: checked.maxHandshakes,
  };
}

/** null: it is disabled, or absent. */
export function clientTlsOf(checked: CheckedClientTls | undefined): ClientTlsConfig | null {
  if (checked?.enabled !== true) return null;
  const {
    commonName,
    disableValidation,
    allowSubjectName,
    trustCerts,
    trustCertsBundle,
    clientAuth,
  } = checked;
  return {
    commonName: commonName ?? null,
    disableValidation,
    allowsSubjectName: allowSubjectName,
    trustPaths: trustCertsBundle === undefined ? trustCerts : [...trustCerts, trustCertsBundle],
    clientAuth: clientAuth === undefined ? null : filesOf(clientAuth),
    versions: versionsOf(checked.protocols),
  };
}

interface WrittenFiles {
  readonly certPath: string;
  readonly keyPath: string;
  readonly intermediateCertsPath?: string | undefined;
}

function filesOf({ certPath, keyPath, intermediateCertsPath }: WrittenFiles): CertificateFiles {
  return { certPath, keyPath, intermediateCertsPath: intermediateCertsPath ?? null };
}

function versionsOf(listed: readonly TlsVersion[] | undefined): TlsVersions {
  const sorted = (listed ?? []).toSorted();
  return { min: sorted[0] ?? "TLSv1.2", max: sorted.at(-1) ?? "TLSv1.3" };
}

/**
 * Linkerd took Java's names, which are those of the standards: TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
 * is ECDHE-RSA-AES128-GCM-SHA256 to OpenSSL. Other names, and those of TLS 1.3, stay as they are.
 */
function opensslName(name: string): string {
  const match = /^TLS_(?:(\w+)_)?WITH_(\w+)$/.exec(name);
  if (match === null) return name;
  const [, exchange = "", cipher = ""] = match;
  const short = cipher
    .replace(/_(\d{3})_CBC_/, "_$1_")
    .replace(/AES_(\d{3})/, "AES$1")
    .replace(/CHACHA20_POLY1305_SHA256/, "CHACHA20_POLY1305");
  return (exchange === "RSA" ? short : `${exchange}_${short}`).replaceAll("_", "-");
}
