// Who may ask the admin server, when it has a token.
import { createHash, timingSafeEqual } from "node:crypto";
import { errorResponse, type AdminResponse } from "./page.ts";

/** Digests of the tokens that are valid now: none is kept as text. */
export type TokenDigests = () => readonly Buffer[];

/** A token is compared by its digest, so that neither its length nor its beginning shows in the time it takes. */
export function tokenDigest(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

/** Programs send a bearer token; browsers ask their user for a password, and send that. */
export function hasToken(authorization: string | undefined, digests: TokenDigests): boolean {
  const presented = tokenOf(authorization ?? "");
  if (presented === null) return false;
  const digest = tokenDigest(presented);
  let isKnown = false;
  for (const known of digests()) isKnown = timingSafeEqual(known, digest) || isKnown;
  return isKnown;
}

/** RFC 6750 section 2.1, and RFC 7617: the token as the password of any user. */
function tokenOf(authorization: string): string | null {
  const [, scheme = "", credentials = ""] = /^(\w+) +(\S+) *$/.exec(authorization) ?? [];
  switch (scheme.toLowerCase()) {
    case "bearer":
      return credentials;
    case "basic":
      return /^[^:]*:(.*)$/s.exec(Buffer.from(credentials, "base64").toString("utf8"))?.[1] ?? null;
    default:
      return null;
  }
}

/** They show nothing, and are asked by load balancers and orchestrators. */
export const openToAll: ReadonlySet<string> = new Set(["/admin/ping", "/admin/ready"]);

export function unauthorized(): AdminResponse {
  const how = "this server wants its token (admin.token): curl -H 'Authorization: Bearer ...'";
  return {
    ...errorResponse(401, how),
    headers: { "www-authenticate": 'Bearer realm="switchyard", Basic realm="switchyard"' },
  };
}
