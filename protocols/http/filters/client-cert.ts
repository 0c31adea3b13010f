// `x-forwarded-client-cert`: who the caller is by its certificate, in the form of Linkerd.
import { Buffer } from "node:buffer";
import type { PeerIdentity } from "../../../src/core/tls/tls.ts";
import type { HttpFilter } from "../message.ts";

/** What a caller sends under this name is never passed on: `codec/header-fields.ts` drops it. */
export const clientCertificate: HttpFilter = (request, reply, next) => {
  const { identity } = request.peer;
  if (identity !== null) request.contextOut += lineOf(identity);
  return next(request, reply);
};

/** One text for each connection. */
const lines = new WeakMap<PeerIdentity, string>();

function lineOf(identity: PeerIdentity): string {
  let line = lines.get(identity);
  if (line === undefined) {
    line = `x-forwarded-client-cert: ${forwardedCertificate(identity)}\r\n`;
    lines.set(identity, line);
  }
  return line;
}

/** Names beyond are left out: endpoints limit their heads. */
const maxNamesChars = 4 * 1024;

/** A name with anything else could end its field, or pass for another one. */
const plainName = /^[\x21-\x7e]+$/;
const special = /[;,"\\]/;

/** `Hash=...;SAN=<URI>;DNS=<name>;Subject="..."`: the names in the order of the certificate. */
function forwardedCertificate({ sha256, alternatives, subject }: PeerIdentity): string {
  let text = `Hash=${sha256}`;
  for (const { kind, value } of alternatives) {
    if (!plainName.test(value) || special.test(value)) continue;
    if (text.length + value.length > maxNamesChars) break;
    text += `;${kind === "URI" ? "SAN" : "DNS"}=${value}`;
  }
  const shown = subject.slice(0, maxNamesChars).replace(/[\0-\x1f\x7f]/g, "?");
  if (shown === "") return text;
  // Heads are written as latin1: the bytes of UTF-8 go out one by one.
  return `${text};Subject="${Buffer.from(shown).toString("latin1")}"`;
}
