// Tells a caller whose Host leads nowhere that the same name in lower case would lead somewhere.
import type { Failure } from "../../../src/core/failure.ts";
import { segmentOf } from "../../../src/core/names/path.ts";
import type { Path } from "../../../src/core/names/path.ts";
import type { ProtocolDeps } from "../../../src/core/protocol.ts";
import type { Pending, Reply } from "../../../src/core/service.ts";
import type { PeerInfo } from "../../../src/net/peer-info.ts";
import type { HttpFilter, HttpRequest, HttpResponse } from "../message.ts";

interface CaseHintDeps {
  readonly isBound: NonNullable<ProtocolDeps["isBound"]>;
  /** Which callers may see internal names. */
  readonly seesInternals: (peer: PeerInfo) => boolean;
}

/**
 * Host names are case-insensitive (RFC 9110 section 4.2.3), and Linkerd's names are not. Only a Host
 * with a capital letter costs anything, and only a failure waits for the second name.
 */
export function caseHint({ isBound, seesInternals }: CaseHintDeps): HttpFilter {
  return (request, reply, next) => {
    const { host, peer } = request;
    if (host === null || !hasCapital(host) || !seesInternals(peer)) return next(request, reply);
    const hinted = new HintedReply(request, reply, isBound);
    hinted.pending = next(request, hinted);
    return hinted;
  };
}

/** Replaces an unbound failure's detail; everything else passes. */
class HintedReply implements Reply<HttpResponse>, Pending {
  pending: Pending | null = null;
  readonly #request: HttpRequest;
  readonly #reply: Reply<HttpResponse>;
  readonly #isBound: CaseHintDeps["isBound"];
  /** Ends the lookup of the name in lower case; null: none is in progress. */
  #stopLookup: (() => void) | null = null;

  constructor(request: HttpRequest, reply: Reply<HttpResponse>, isBound: CaseHintDeps["isBound"]) {
    this.#request = request;
    this.#reply = reply;
    this.#isBound = isBound;
  }

  start(response: HttpResponse): void {
    this.#reply.start(response);
  }

  end(why: Failure | null): void {
    if (why?.kind !== "unbound") return this.#reply.end(why);
    const { logicalName, host, localDtab } = this.#request;
    const lower = lowerCaseName(logicalName, host);
    if (lower === null) return this.#reply.end(why);
    this.#stopLookup = this.#isBound(lower, localDtab, (isBound) => {
      this.#stopLookup = null;
      this.#reply.end(isBound ? withHint(why, lower) : why);
    });
    return undefined;
  }

  cancel(why: Failure): void {
    if (this.#stopLookup === null) return this.pending?.cancel(why);
    this.#stopLookup();
    this.#stopLookup = null;
    return this.#reply.end(why);
  }
}

/** null unless the name ends with the Host as the caller wrote it. */
function lowerCaseName(logicalName: Path | null, host: string | null): Path | null {
  if (logicalName === null || host === null) return null;
  const segment = segmentOf(host);
  if (!logicalName.endsWith(`/${segment}`)) return null;
  const before = logicalName.slice(0, logicalName.length - segment.length);
  return `${before}${segmentOf(host.toLowerCase())}` as Path; // both parts were checked
}

function withHint(why: Failure, lower: Path): Failure {
  const hint =
    `${lower} would be found: names keep the case of the Host unless the identifier ` +
    "io.l5d.header.token has lowerCase: true";
  return { ...why, detail: `${why.detail}; ${hint}` };
}

function hasCapital(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 65 && code <= 90) return true;
  }
  return false;
}
