// One call as a log has it: the fields of docs/logs.md, as far as its format knows them.

export type LoggedCall = Readonly<Record<string, unknown>>;

/** A problem of a file that ends its reading, as a text for people. */
export class UnreadableLog extends Error {}

/** Reads one open file from its beginning. */
export interface LogReader {
  /**
   * The calls between the last end and the present one; can be asked again when the file has grown.
   * Throws `UnreadableLog`.
   */
  calls(): AsyncIterable<readonly LoggedCall[]>;
  /** What was passed over, or stands unfinished at the end; null: nothing. */
  remark(): string | null;
}

/** Part of a file; shorter at its end. */
export type ReadAt = (start: number, length: number) => Promise<Buffer>;
