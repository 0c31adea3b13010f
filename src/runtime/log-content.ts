// What a log file is made of: lines of text here, or anything else that is appended in batches.
import type { FileHandle } from "node:fs/promises";

/** What is written together. */
export interface LogBatch<Item> {
  /** Bytes, before they are compressed. */
  readonly length: number;
  add(item: Item): void;
  /** Called once, when it is its turn to be written. */
  encode(): string | Uint8Array | Promise<Uint8Array>;
}

export interface LogContent<Item> {
  batch(): LogBatch<Item>;
  /**
   * Called with a file that was just opened, for reading too. Resolves to the size from which it is
   * continued; null: it holds something else and is moved out of the way.
   */
  begin(file: FileHandle, size: number): Promise<number | null>;
  /** What follows each batch in the file that was begun last; null: nothing does. */
  readonly batchEnd: Uint8Array | null;
}

class TextBatch implements LogBatch<string> {
  #text = "";

  get length(): number {
    return this.#text.length;
  }

  add(line: string): void {
    this.#text += line;
  }

  encode(): string {
    return this.#text;
  }
}

/** Lines of ASCII, each with its line feed. Never continues a file of Avro records. */
export const linesOfText: LogContent<string> = {
  batch: () => new TextBatch(),
  async begin(file, size) {
    const start = Buffer.alloc(4);
    if (size > 0) await file.read(start, 0, 4, 0);
    return start.toString("latin1") === "Obj\u0001" ? null : size;
  },
  batchEnd: null,
};
