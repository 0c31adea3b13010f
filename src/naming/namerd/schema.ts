// The configuration keys shared by the interpreters that ask a name server.
import * as v from "valibot";
import { integer, path } from "../../core/schema.ts";
import type { BackoffRange } from "../../core/pacing/backoff.ts";

export const remoteEntries = () => ({
  dst: path(),
  namespace: v.optional(
    v.pipe(
      v.string("expected the name of a namespace"),
      v.regex(/^[^/?#\s]+$/, "expected the name of a namespace, without / and blanks"),
    ),
    "default",
  ),
  retry: v.optional(
    v.strictObject({
      baseSeconds: v.optional(integer(1), 5),
      /** Accepted for files of Linkerd 1, where a sidecar asked again after up to ten minutes only. */
      maxSeconds: v.optional(integer(1), 600),
    }),
    {},
  ),
});

/** Soon at first, and never later than `baseSeconds`: a name server that is back is found within that time. */
export function retryRange({ baseSeconds }: { readonly baseSeconds: number }): BackoffRange {
  return { minMs: 100, maxMs: baseSeconds * 1_000 };
}
