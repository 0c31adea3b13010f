// What the access logs of all protocols share: their keys but for the names, the log itself.
import * as v from "valibot";
import { integer } from "../core/schema.ts";
import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import type { Counter } from "../core/stats.ts";
import { LogFile } from "../runtime/log-file.ts";
import { parseRollPolicy } from "../runtime/log-rotation.ts";
import type { RollPolicy } from "../runtime/log-rotation.ts";

/** What the keys say: one line an answer in `path`; no `path`, no log. */
export interface AccessLogConfig {
  readonly path: string | undefined;
  readonly roll: RollPolicy;
  readonly append: boolean;
  /** Ended files that are kept; negative: all. */
  readonly rotateCount: number;
}

const rolls = "expected never, hourly, daily, weekly(1) or a size such as 100.megabytes";

/** When a new file begins. */
export const rollPolicy = () =>
  v.pipe(
    v.optional(v.string(rolls), "never"),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      const policy = parseRollPolicy(dataset.value);
      if (policy !== null) return policy;
      addIssue({ message: `${rolls} (of days of the week 1 is Sunday)` });
      return NEVER;
    }),
  );

export const logFileName = () =>
  v.optional(
    v.pipe(
      v.string("expected a file name"),
      v.nonEmpty("expected a file name, such as access.log"),
    ),
  );

export const logAppend = () => v.optional(v.boolean("expected true or false"), true);

export const rotateCount = () => v.optional(integer(-1), -1);

/**
 * What stands behind a line of words whose call met injected faults; nothing behind all others, so
 * that those who read the lines find what they know.
 */
export function faultMark({ fault }: { readonly fault?: string }): string {
  return fault === undefined ? "" : ` l5d-fault="${fault}"`;
}

/** null: none is wanted. Whoever opened it closes it. */
export function openAccessLog(
  config: AccessLogConfig,
  deps: { readonly clock: Clock; readonly log: Log; readonly lost: Counter },
): LogFile | null {
  const { path, roll, append, rotateCount: kept } = config;
  if (path === undefined) return null;
  return new LogFile({ path, roll, append, keepCount: kept < 0 ? Infinity : kept }, deps);
}
