// Finds a chain: in a file, or at a server that presents it.
import { createPrivateKey, X509Certificate } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { connect } from "node:tls";
import type { DetailedPeerCertificate, TLSSocket } from "node:tls";
import { isNamed } from "../../runtime/certificate-problems.ts";
import { certificatesOf } from "../../runtime/key-pair.ts";

const timeoutMs = 10_000;

export interface Chain {
  /** The one presented first. */
  readonly certificates: readonly X509Certificate[];
  /** What else there is to say of the place. */
  readonly facts: readonly string[];
  /** What is wrong beyond the certificates themselves. */
  readonly problems: readonly string[];
  /** The certificates that are trusted; null: those of the system. */
  readonly trusted: readonly X509Certificate[] | null;
  /** A server presents it, so that it has to have names. */
  readonly isServers: boolean;
}

export interface ChainOptions {
  /** What a server is asked for. */
  readonly name: string | null;
  readonly caPath: string | null;
}

/** Rejects with a text for people. */
export function chainAt(place: string, options: ChainOptions): Promise<Chain> {
  const address = existsSync(place) ? null : /^\[?(.+?)\]?:(\d{1,5})$/.exec(place);
  if (address === null) return Promise.resolve(chainIn(place, trustedOf(options)));
  const [, host = "", port = ""] = address;
  return chainOf({ host, port: Number(port) }, options);
}

function trustedOf({ caPath }: ChainOptions): readonly X509Certificate[] | null {
  return caPath === null ? null : certificatesOf(readFileSync(caPath, "utf8"), caPath);
}

function chainIn(file: string, trusted: Chain["trusted"]): Chain {
  if (!existsSync(file)) throw new Error(`there is no file ${file}, and it is not HOST:PORT`);
  const bytes = readFileSync(file);
  const text = bytes.toString("latin1");
  const isPem = text.includes("-----BEGIN");
  const certificates = isPem ? certificatesOf(text, file) : [derCertificate(bytes, file)];
  const key = /-----BEGIN [A-Z ]*PRIVATE KEY-----[^]*?-----END [A-Z ]*PRIVATE KEY-----/.exec(text);
  const [leaf] = certificates;
  if (key === null || leaf === undefined) {
    return { certificates, facts: [], problems: [], trusted, isServers: false };
  }
  const fits = isKeyOf(key[0], leaf);
  const facts = fits ? ["The file also has the private key of the first certificate."] : [];
  const problems = fits
    ? []
    : ["the private key in the file does not belong to the first certificate"];
  return { certificates, facts, problems, trusted, isServers: false };
}

function derCertificate(bytes: Buffer, file: string): X509Certificate {
  try {
    return new X509Certificate(bytes);
  } catch {
    throw new Error(`${file} has no certificate, neither in PEM nor in DER`);
  }
}

function isKeyOf(pem: string, leaf: X509Certificate): boolean {
  try {
    return leaf.checkPrivateKey(createPrivateKey(pem));
  } catch {
    return false; // with a passphrase, or damaged
  }
}

function chainOf(
  { host, port }: { readonly host: string; readonly port: number },
  options: ChainOptions,
): Promise<Chain> {
  const trusted = trustedOf(options);
  const name = options.name ?? host;
  return new Promise((resolve, reject) => {
    const failed = (why: string) => {
      socket.destroy();
      reject(new Error(`${host}:${port}: ${why}`));
    };
    const socket = connect({
      host,
      port,
      rejectUnauthorized: false,
      ...(/^[\w.-]*[a-z][\w.-]*$/i.test(name) ? { servername: name } : {}),
      ...(trusted === null ? {} : { ca: trusted.map((each) => each.toString()) }),
    });
    socket.setTimeout(timeoutMs, () => failed(`no TLS handshake within ${timeoutMs / 1_000} s`));
    socket.on("error", (error) => failed(inWords(error)));
    socket.on("secureConnect", () => {
      const certificates = presentedBy(socket);
      const leaf = certificates[0];
      if (leaf === undefined) return failed("the server presents no certificate");
      const facts = [
        `${host}:${port} speaks ${socket.getProtocol()} with ${socket.getCipher().name}.`,
      ];
      const problems = trustProblems(socket);
      if (!isNamed(leaf, name)) problems.push(`the certificate does not name ${name}`);
      socket.end();
      return resolve({ certificates, facts, problems, trusted, isServers: true });
    });
  });
}

function inWords({ message, code }: Error & { readonly code?: string }): string {
  if (code === "ERR_SSL_WRONG_VERSION_NUMBER") return "what listens there does not speak TLS";
  if (code === "ECONNREFUSED") return "the connection was refused: nothing listens there";
  return message.split("\n", 1)[0] ?? "";
}

function trustProblems(socket: TLSSocket): string[] {
  if (socket.authorized) return [];
  const { authorizationError: why } = socket as { authorizationError?: Error | string };
  const code = typeof why === "string" ? why : ((why as { code?: string } | undefined)?.code ?? "");
  // The names are compared by the caller, who says which one is missing.
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") return [];
  return [`it is not trusted: ${code.toLowerCase().replaceAll("_", " ")}`];
}

const maxShown = 10;

/** As sent, and what Node adds of the trusted ones; the last one may have issued itself. */
function presentedBy(socket: TLSSocket): X509Certificate[] {
  const found: X509Certificate[] = [];
  let current: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  while (current?.raw !== undefined && found.length < maxShown) {
    found.push(new X509Certificate(current.raw));
    const issuer: DetailedPeerCertificate | undefined = current.issuerCertificate;
    current = issuer === current ? undefined : issuer;
  }
  return found;
}
