// The keys of an access log, the same for all protocols but for the prefix of their names.
import * as v from "valibot";
import { integer, says, truth } from "../core/schema.ts";
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

export const accessLogKeys = {
  file: says(
    "File that gets one line for each call. No access log unless given.",
    v.optional(
      v.pipe(
        v.string("expected a file name"),
        v.nonEmpty("expected a file name, such as access.log"),
      ),
    ),
  ),
  format: says(
    "common: one line of words; json: one object a line, with path, client, endpoint and duration.",
    v.optional(v.picklist(["common", "json"]), "common"),
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
