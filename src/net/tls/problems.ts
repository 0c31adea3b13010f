// What went wrong in a handshake, in words that say what to change.
import type { TLSSocket } from "node:tls";
import type { ClientTls } from "../../core/tls/tls.ts";
import type { X509Certificate } from "node:crypto";
import { isNamed } from "../../runtime/certificate-problems.ts";
import { shownNames } from "../../runtime/key-pair.ts";

/** Why the handshake of a caller failed; `unauthorized` is what was wrong with its certificate. */
export function callerProblem(
  error: NodeJS.ErrnoException,
  unauthorized: Error | string | null,
): string {
  if (unauthorized !== null) {
    return `presented a certificate that is not accepted: ${certificateProblem(codeOf(unauthorized))}`;
  }
  const { code = "" } = error;
  if (/PEER_DID_NOT_RETURN_A_CERTIFICATE/.test(code)) {
    return "presented no certificate, which requireClientAuth demands";
  }
  if (/ALERT_UNKNOWN_CA/.test(code)) return "does not trust the CA of this server's certificate";
  if (/ALERT/.test(code)) return `refused: ${words(code.replace(/^ERR_SSL_|\d+_ALERT/g, ""))}`;
  if (code === "ECONNRESET") return "left during the handshake";
  if (/NO_SHARED_CIPHER/.test(code)) {
    return "has no cipher suite in common with this server (ciphers, or the type of the key)";
  }
  if (/UNSUPPORTED_PROTOCOL|VERSION/.test(code)) {
    return "wants a version of TLS that this server does not have (protocols, minVersion)";
  }
  return `failed: ${reasonOf(error)}`;
}

function codeOf(error: Error | string): string {
  return typeof error === "string" ? error : ((error as { code?: string }).code ?? error.message);
}

/** By the codes of OpenSSL. */
const certificateProblems: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "it has expired",
  CERT_NOT_YET_VALID: "it is not valid yet",
  DEPTH_ZERO_SELF_SIGNED_CERT: "it is self-signed, and not among the trusted certificates",
  SELF_SIGNED_CERT_IN_CHAIN: "its CA is not trusted",
  UNABLE_TO_GET_ISSUER_CERT: "its CA is not trusted, or an intermediate certificate is missing",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    "its CA is not trusted, or an intermediate certificate is missing",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    "its CA is not trusted, or an intermediate certificate is missing",
  INVALID_PURPOSE: "it is not made for this side of a connection (extendedKeyUsage)",
};

function certificateProblem(code: string): string {
  return certificateProblems[code] ?? words(code);
}

function words(code: string): string {
  return code.toLowerCase().replaceAll("_", " ").trim();
}

/** What OpenSSL says, without the places in its code that its messages name. */
function reasonOf(error: Error): string {
  const { reason } = error as { reason?: string };
  return reason ?? error.message.split("\n", 1)[0] ?? "";
}

/** Why a connection broke that was secure, in one line: alerts of the peer, damaged records. */
export function brokenConnection(error: NodeJS.ErrnoException): Error {
  const { code = "" } = error;
  if (!code.startsWith("ERR_SSL")) return error;
  const alert = /ALERT_(.+)$/.exec(code)?.[1];
  const what = alert === undefined ? "TLS failed" : "the peer ended TLS";
  return Object.assign(new Error(`${what}: ${words(alert ?? reasonOf(error))}`), { code });
}

/** Why the certificate of an endpoint is not accepted; null: it is. */
export function endpointProblem(
  socket: TLSSocket,
  leaf: X509Certificate | undefined,
  tls: ClientTls,
): string | null {
  if (!tls.isValidating) return null;
  // Without a certificate, which was good when the session began.
  if (socket.isSessionReused() && socket.authorized) return null;
  if (leaf === undefined) return "it presented no certificate";
  const { authorizationError } = socket as { authorizationError?: Error | string | null };
  const validity = `valid from ${leaf.validFrom} to ${leaf.validTo}`;
  const shown = `its certificate, for ${shownNames(leaf)}, ${validity}`;
  if (!socket.authorized) {
    return `${shown}, is not accepted: ${certificateProblem(codeOf(authorizationError ?? ""))}`;
  }
  const { commonName } = tls;
  if (commonName === null || isNamed(leaf, commonName, tls.allowsSubjectName)) return null;
  return `${shown}, does not name ${commonName}`;
}

/** Why no secure connection came about: `error` closed it during the handshake. */
export function handshakeProblem(error: NodeJS.ErrnoException | null): string {
  const { code = "" } = error ?? {};
  if (/WRONG_VERSION_NUMBER|HTTP_REQUEST|UNKNOWN_PROTOCOL|PACKET_LENGTH/.test(code)) {
    return "it does not speak TLS: it responded with something else";
  }
  if (/ALERT_PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL/.test(code)) {
    return "it has none of the versions of TLS in protocols";
  }
  if (/HANDSHAKE_FAILURE/.test(code)) {
    return "it found no cipher suite in common, or it wants a certificate (clientAuth)";
  }
  if (/UNRECOGNIZED_NAME/.test(code)) return "it does not know the name asked for";
  if (code === "ECONNRESET" || code === "EPIPE" || error === null) {
    return "it closed the connection during the TLS handshake";
  }
  return reasonOf(error);
}
