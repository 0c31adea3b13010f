// How requests get their logical names. Several identifiers become one: they are tried in order; the first
// that names the request wins, or finds that it is misnamed: what is misspelt must not reach another service.
import * as v from "valibot";
import { parsePath } from "./names/path.ts";
import type { Path } from "./names/path.ts";
import type { Plugin } from "./plugin.ts";
import type { GenericSchema } from "./schema.ts";

export interface Unidentified {
  readonly unidentified: string;
  /** The request says its name, and says it badly: no further identifier gives it another. */
  readonly isFinal?: true;
}

/** Names a request, or says why it has no name. Synchronous: it may look at the head only. */
export type Identifier<Req> = (request: Req) => Path | Unidentified;

export interface IdentifierDeps {
  /** The router's `dstPrefix`. */
  readonly prefix: Path;
}
export type IdentifierPlugin<Req> = Plugin<GenericSchema, IdentifierDeps, Identifier<Req>>;

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

/** The name that `io.l5d.static` gives: `a/b` or `/a/b`, as Linkerd's examples write it without the slash. */
export const staticPath = () =>
  v.pipe(
    v.string("expected a path such as users"),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      const text = dataset.value;
      const parsed = parsePath(text.startsWith("/") ? text : `/${text}`);
      if (parsed.ok && parsed.value !== "/") return parsed.value;
      addIssue({ message: parsed.ok ? "expected a path that is not empty" : parsed.error.message });
      return NEVER;
    }),
  );
