// Several identifiers as one: they are tried in order, the first that names the request wins, or
// finds that it names itself badly: what is misspelt must not reach another service.
import type { Identifier, Unidentified } from "./protocol.ts";

/**
 * When none names the request, the last one's reason comes first (as Linkerd reports it), then
 * what the others said, in the order in which they were tried.
 */
export function firstOf<Req>(identifiers: readonly Identifier<Req>[]): Identifier<Req> {
  const [only] = identifiers;
  if (only !== undefined && identifiers.length === 1) return only;
  return (request) => {
    const reasons: string[] = [];
    for (const identify of identifiers) {
      const name = identify(request);
      if (typeof name === "string") return name;
      reasons.push(name.unidentified);
      if (name.isFinal === true) break;
    }
    return together(reasons);
  };
}

function together(reasons: readonly string[]): Unidentified {
  const last = reasons.at(-1);
  if (last === undefined) return { unidentified: "no identifier is configured" };
  const before = reasons.slice(0, -1).filter((reason) => reason !== last);
  if (before.length === 0) return { unidentified: last };
  return { unidentified: `${last} (tried before: ${before.join("; ")})` };
}
