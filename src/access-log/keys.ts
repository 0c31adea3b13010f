// The keys of an access log, the same for all protocols but for the prefix of their names.
import * as v from "valibot";
import { statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { integer, lenient, says, truth } from "../core/schema.ts";
import type { Correction } from "../core/schema.ts";
import { parseRollPolicy } from "../runtime/log-rotation.ts";

const policies = "expected never, hourly, daily, weekly(1) or a size such as 100.megabytes";

const rollPolicy = () =>
  v.pipe(
    v.optional(v.string(policies), "never"),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      const policy = parseRollPolicy(dataset.value);
      if (policy !== null) return policy;
      addIssue({ message: `${policies} (of days of the week 1 is Sunday)` });
      return NEVER;
    }),
  );

/** The file is created, its folder is not. */
function withoutFolder(file: unknown): Correction | null {
  if (typeof file !== "string" || file === "") return null;
  const folder = dirname(resolve(file));
  if (isFolder(folder)) return null;
  return { readAs: file, warning: `there is no folder ${folder}: calls are logged once it exists` };
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false; // or unreachable, which makes no difference here
  }
}

export const accessLogKeys = {
  file: says(
    "File that gets one line for each call. No access log unless given.",
    v.optional(
      lenient(
        withoutFolder,
        v.pipe(
          v.string("expected a file name"),
          v.nonEmpty("expected a file name, such as access.log"),
        ),
      ),
    ),
  ),
  format: says(
    "common: one line of words; json: one object a line, with path, client, endpoint and duration; avro: the same as records of a container file.",
    v.optional(v.picklist(["common", "json", "avro"]), "common"),
  ),
  rollPolicy: says(
    "When a new file begins: never, hourly, daily, weekly(1), or a size such as 100.megabytes.",
    rollPolicy(),
  ),
  append: says(
    "false: previous content of the file is discarded at start.",
    v.optional(truth(), true),
  ),
  rotateCount: says("Rotated files to keep; -1: all.", v.optional(integer(-1), -1)),
} as const;
