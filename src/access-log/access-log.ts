// The access log of one router: one line for each completed call.
import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import type { Stats } from "../core/stats.ts";
import { LogFile } from "../runtime/log-file.ts";
import type { RollPolicy } from "../runtime/log-rotation.ts";

/** The parsed keys of `keys.ts`. */
export interface AccessLogConfig {
  /** undefined: no access log. */
  readonly file: string | undefined;
  readonly roll: RollPolicy;
  readonly append: boolean;
  /** Rotated files to keep; negative: all. */
  readonly rotateCount: number;
}

export interface AccessLogDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** Of the router: `access_log/lost` counts the lines that could not be written. */
  readonly stats: Stats;
}

/** Owns its file. */
export class AccessLog<Call> {
  readonly #file: LogFile;
  readonly #lineOf: (call: Call) => string;

  constructor(file: LogFile, lineOf: (call: Call) => string) {
    this.#file = file;
    this.#lineOf = lineOf;
  }

  record(call: Call): void {
    this.#file.write(this.#lineOf(call));
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/** null when no file is configured. `lineOf` makes one line of ASCII, with its line feed. */
export function openAccessLog<Call>(
  { file, roll, append, rotateCount }: AccessLogConfig,
  lineOf: (call: Call) => string,
  { clock, log, stats }: AccessLogDeps,
): AccessLog<Call> | null {
  if (file === undefined) return null;
  const keepCount = rotateCount < 0 ? Infinity : rotateCount;
  const deps = { clock, log, lost: stats.counter("access_log", "lost") };
  return new AccessLog(new LogFile({ path: file, roll, append, keepCount }, deps), lineOf);
}

/**
 * Follows a `common` line whose call met injected faults; empty for all other calls, so that
 * existing log parsers keep working.
 */
export function faultMark({ fault }: { readonly fault?: string }): string {
  return fault === undefined ? "" : ` l5d-fault="${fault}"`;
}
