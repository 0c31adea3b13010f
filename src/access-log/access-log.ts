// The access log of one router: a line or a record for each completed call.
import type { EndedCall } from "../core/calls/ended-call.ts";
import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import type { Stats } from "../core/stats.ts";
import { linesOfText } from "../runtime/log-content.ts";
import { LogFile } from "../runtime/log-file.ts";
import type { LogFileOptions } from "../runtime/log-file.ts";
import type { RollPolicy } from "../runtime/log-rotation.ts";
import { AvroContent, avroEncoder } from "./avro/content.ts";
import { jsonLine } from "./json-line.ts";
import { accessRecord } from "./record.ts";
import type { RecordSource } from "./record.ts";

export type AccessLogFormat = "common" | "json" | "avro";

/** The parsed keys of `keys.ts`. */
export interface AccessLogConfig {
  /** undefined: no access log. */
  readonly file: string | undefined;
  readonly format: AccessLogFormat;
  readonly roll: RollPolicy;
  readonly append: boolean;
  /** Rotated files to keep; negative: all. */
  readonly rotateCount: number;
}

export interface AccessLogDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** Of the router: `access_log/lost` counts the calls that could not be written. */
  readonly stats: Stats;
  readonly label: string;
}

/** How the calls of a protocol are written. */
export interface AccessLogSource<Call extends EndedCall> extends RecordSource<Call> {
  /** Makes the line of words, line feed included: ASCII, whatever the caller sent. */
  commonLine(clock: Clock): (call: Call) => string;
}

/** Owns its file. */
export interface AccessLog<Call> {
  record(call: Call): void;
  close(): Promise<void>;
}

/** null when no file is configured. */
export function openAccessLog<Call extends EndedCall>(
  { file: path, format, roll, append, rotateCount }: AccessLogConfig,
  source: AccessLogSource<Call>,
  { clock, log, stats, label }: AccessLogDeps,
): AccessLog<Call> | null {
  if (path === undefined) return null;
  const keepCount = rotateCount < 0 ? Infinity : rotateCount;
  const options: LogFileOptions = { path, roll, append, keepCount };
  const deps = { clock, log, lost: stats.counter("access_log", "lost") };
  if (format === "avro") {
    const records = avroRecords(source, label, clock);
    return written(new LogFile(options, new AvroContent(), deps), records);
  }
  const lineOf = format === "json" ? jsonLines(source, label, clock) : source.commonLine(clock);
  return written(new LogFile(options, linesOfText, deps), lineOf);
}

function written<Call, Item extends { readonly length: number }>(
  file: LogFile<Item>,
  itemOf: (call: Call) => Item,
): AccessLog<Call> {
  return { record: (call) => file.write(itemOf(call)), close: () => file.close() };
}

/** One JSON object per line. Keys that the protocol does not have are absent, unknown values null. */
export function jsonLines<Call extends EndedCall>(
  source: RecordSource<Call>,
  router: string,
  clock: Clock,
): (call: Call) => string {
  return (call) => {
    const time = new Date(clock.wallMs()).toISOString();
    return jsonLine(accessRecord(source, router, time, call));
  };
}

/** One record of the schema in `avro/schema.ts`. */
export function avroRecords<Call extends EndedCall>(
  source: RecordSource<Call>,
  router: string,
  clock: Clock,
): (call: Call) => Buffer {
  const encode = avroEncoder();
  const timeMs = () => Math.floor(clock.wallMs()); // it has a fraction
  return (call) => encode(accessRecord(source, router, timeMs(), call));
}

/**
 * Follows a `common` line whose call met injected faults; empty for all other calls, so that
 * existing log parsers keep working.
 */
export function faultMark({ fault }: { readonly fault?: string }): string {
  return fault === undefined ? "" : ` l5d-fault="${fault}"`;
}
