// Cuts a page into lines, within limits.
import { maxLineBytes } from "./format.ts";

const lineFeed = 10;

/** Calls back with every line, without its line feed; a problem ends it for good. */
export class LineCutter {
  readonly #onLine: (line: string) => string | null;
  /** The beginning of a line whose end has not come yet. */
  #begun: Buffer[] = [];
  #begunBytes = 0;

  /** `onLine` returns what is wrong with the line, or null. */
  constructor(onLine: (line: string) => string | null) {
    this.#onLine = onLine;
  }

  /** True: the last line has not ended. */
  get isWithinLine(): boolean {
    return this.#begunBytes > 0;
  }

  /** What is wrong, or null. */
  feed(chunk: Buffer): string | null {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(lineFeed, start);
      const part = chunk.subarray(start, end === -1 ? chunk.length : end);
      this.#begunBytes += part.length;
      if (this.#begunBytes > maxLineBytes) return `a line has more than ${maxLineBytes} bytes`;
      if (end === -1) {
        if (part.length > 0) this.#begun.push(part);
        return null;
      }
      const whole = this.#begun.length === 0 ? part : Buffer.concat([...this.#begun, part]);
      this.#begun = [];
      this.#begunBytes = 0;
      const problem = this.#onLine(whole.toString("utf8"));
      if (problem !== null) return problem;
      start = end + 1;
    }
  }
}
