// Cuts a stream into lines, of which the last ones count: each replaces those before it.

/** As much as 40,000 addresses. Reading a line holds up calls: 4 MiB of JSON take some 30 ms. */
export const maxLineBytes = 4 * 1024 * 1024;
/** The latest value, and the reason behind it when the name server ends the watch. */
const linesThatCount = 2;

export class LatestLines {
  #kept = Buffer.alloc(0);
  #length = 0;

  /** The last whole lines that a chunk brings; null: a line is longer than `maxLineBytes`. */
  take(chunk: Buffer): readonly string[] | null {
    const end = chunk.lastIndexOf(0x0a);
    if (end >= 0) this.#append(chunk.subarray(0, end));
    else this.#append(chunk);
    if (this.#length > maxLineBytes) return null;
    if (end < 0) return [];
    const lines = this.#kept.toString("utf8", 0, this.#length).split("\n");
    this.#length = 0;
    this.#append(chunk.subarray(end + 1));
    return lines.filter((line) => line.trim() !== "").slice(-linesThatCount);
  }

  /** Grows by doubling: many small chunks cost no more than a few large ones. */
  #append(bytes: Buffer): void {
    const length = this.#length + bytes.length;
    if (length > this.#kept.length) {
      const grown = Buffer.allocUnsafe(Math.max(length, 2 * this.#kept.length));
      this.#kept.copy(grown, 0, 0, this.#length);
      this.#kept = grown;
    }
    bytes.copy(this.#kept, this.#length);
    this.#length = length;
  }
}

/** At most `maxBytes` of a body; what comes after them is not read. */
export async function beginningOf(body: AsyncIterable<Buffer>, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= maxBytes) break;
  }
  return Buffer.concat(chunks).toString("utf8", 0, maxBytes);
}
