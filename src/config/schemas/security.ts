// Keys that say whom to trust: the dtabs of callers, and the pages of the admin server.
import * as v from "valibot";
import { path, pathPattern, sanPattern, says, truth } from "../../core/schema.ts";
import type { CallerDtabMode } from "../../core/names/caller-dtab.ts";
import type { Path } from "../../core/names/path.ts";

const mode = () => v.picklist(["all", "names", "none"], "expected all, names or none");

const callerDtabMap = () =>
  v.strictObject({
    mode: says("Which dtabs to accept from callers.", v.optional(mode())),
    allow: says(
      "Prefixes of names that entries may lead to nevertheless with mode: names, such as /#/io.l5d.fs/staging.",
      v.optional(v.array(path(), "expected a list of names, such as [/#/io.l5d.fs/staging]"), []),
    ),
  });

interface CallerDtabKeys {
  readonly mode?: CallerDtabMode | undefined;
  readonly allow: readonly Path[];
}

/** A mode by itself, or a map with a mode and exceptions. Without a mode each server has its default. */
export function callerDtab() {
  const byItself = mode();
  const map = callerDtabMap();
  const either: v.GenericSchema<unknown, CallerDtabMode | CallerDtabKeys> = {
    ...v.union([byItself, map]),
    // A plain union would try both and could report only that neither fits.
    "~run": (dataset, config) =>
      (typeof dataset.value === "object" ? map : byItself)["~run"](dataset, config),
  };
  return v.pipe(
    either,
    v.transform((value): CallerDtabKeys => {
      return typeof value === "string" ? { mode: value, allow: [] } : value;
    }),
  );
}

const maxAllowed = 1_000;

/** `allow` of a server. */
export const allow = () => {
  const expected =
    "expected a list such as [{ san: spiffe://example.com/web, paths: [/svc/users] }]";
  const rule = v.strictObject({
    san: says(
      "A name in the certificate of the caller; * stands for any characters of a part.",
      sanPattern(),
    ),
    paths: says(
      "Beginnings of logical names, such as /svc/users. Default: all names.",
      v.optional(
        v.pipe(
          v.array(pathPattern(), "expected a list of names, such as [/svc/users]"),
          v.nonEmpty("expected at least one name; without paths, all are permitted"),
          v.maxLength(maxAllowed, `expected at most ${maxAllowed} names`),
        ),
      ),
    ),
  });
  return v.pipe(
    v.array(rule, expected),
    v.nonEmpty(`${expected}: an empty list would permit nobody anything`),
    v.maxLength(maxAllowed, `expected at most ${maxAllowed} entries`),
  );
};

const patterns = () =>
  v.array(
    v.pipe(
      v.string("expected a regular expression"),
      v.rawTransform(({ dataset, addIssue, NEVER }) => {
        try {
          return new RegExp(dataset.value);
        } catch (error) {
          const why = error instanceof Error ? error.message : "";
          addIssue({ message: `expected a regular expression such as /admin/.*: ${why}` });
          return NEVER;
        }
      }),
    ),
    "expected a list of regular expressions, such as [/admin/metrics.*]",
  );

/** A group that the file does not mention is open. */
export const adminSecurity = () =>
  v.strictObject({
    uiEnabled: says("Whether the dashboard and the pages it reads are open.", v.optional(truth())),
    controlEnabled: says("Whether pages that change the process are open.", v.optional(truth())),
    diagnosticsEnabled: says("Whether all other pages are open.", v.optional(truth())),
    pathWhitelist: says(
      "Regular expressions for whole paths that are open nevertheless.",
      v.optional(patterns(), []),
    ),
    pathBlacklist: says(
      "Regular expressions for whole paths that are closed in any case.",
      v.optional(patterns(), []),
    ),
  });

export type AdminSecurityConfig = v.InferOutput<ReturnType<typeof adminSecurity>>;
