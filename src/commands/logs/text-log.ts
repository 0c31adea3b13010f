// Access logs in lines, of JSON or `common`; each line says itself which it is.
import { callOfLine } from "./common-lines.ts";
import type { LoggedCall, LogReader, ReadAt } from "./logged-call.ts";

const chunkBytes = 65_536;
/** A longer line is passed over. */
const maxLineBytes = 2 ** 20;

export class TextLog implements LogReader {
  readonly #readAt: ReadAt;
  #position = 0;
  #rest: Buffer = Buffer.alloc(0);
  /** The rest was too long, and so is what follows up to the next line feed. */
  #isPassingOver = false;
  #lineNumber = 0;
  #strange = 0;
  #firstStrange = 0;

  constructor(readAt: ReadAt) {
    this.#readAt = readAt;
  }

  async *calls(): AsyncIterable<readonly LoggedCall[]> {
    for (;;) {
      const chunk = await this.#readAt(this.#position, chunkBytes);
      if (chunk.length === 0) return;
      this.#position += chunk.length;
      yield this.#callsIn(chunk);
    }
  }

  remark(): string | null {
    if (this.#strange === 0) return null;
    const lines = this.#strange === 1 ? "1 line was" : `${this.#strange} lines were`;
    return `${lines} not understood, the first on line ${this.#firstStrange}`;
  }

  #callsIn(chunk: Buffer): LoggedCall[] {
    const calls: LoggedCall[] = [];
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      const part = chunk.subarray(from, end);
      const line = this.#rest.length === 0 ? part : Buffer.concat([this.#rest, part]);
      from = end + 1;
      this.#rest = Buffer.alloc(0);
      this.#lineNumber += 1;
      const call = this.#isPassingOver ? null : callOf(line.toString("utf8"));
      this.#isPassingOver = false;
      if (call !== null) calls.push(call);
      else this.#noteStrange();
    }
    this.#keep(chunk.subarray(from));
    return calls;
  }

  #keep(part: Buffer): void {
    if (this.#isPassingOver) return;
    this.#rest = Buffer.concat([this.#rest, part]);
    if (this.#rest.length <= maxLineBytes) return;
    this.#isPassingOver = true;
    this.#rest = Buffer.alloc(0);
  }

  #noteStrange(): void {
    if (this.#strange === 0) this.#firstStrange = this.#lineNumber;
    this.#strange += 1;
  }
}

/** null: the line is no call. */
function callOf(line: string): LoggedCall | null {
  if (!line.startsWith("{")) return callOfLine(line);
  try {
    return JSON.parse(line) as LoggedCall;
  } catch {
    return null;
  }
}
