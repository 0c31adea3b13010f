// The fields of a head that pass through: lines as received while nobody looks at them.

/** Header fields, flat: name, value, name, value, ... Names keep their case. */
export type Fields = string[];

/** The value of the first field of that name, which is given in lower case; null without one. */
export function fieldOf(fields: Fields, lowerName: string): string | null {
  const index = indexOf(fields, lowerName);
  return index < 0 ? null : (fields[index + 1] ?? null);
}

/** Where the name of the first such field stands; -1 without one. */
export function indexOf(fields: Fields, lowerName: string): number {
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i];
    if (name === undefined || name.length !== lowerName.length) continue;
    if (name === lowerName || name.toLowerCase() === lowerName) return i;
  }
  return -1;
}

/** `Name: value` and CRLF of each. */
export function linesOf(fields: Fields): string {
  let lines = "";
  for (let i = 0; i < fields.length; i += 2) lines += `${fields[i]}: ${fields[i + 1]}\r\n`;
  return lines;
}

/**
 * Most heads are passed on without a look at a single field of this kind: then the text goes out
 * that came in. Once somebody has asked for the list, the list is what counts, changes to it too.
 */
export class PassthroughFields {
  readonly #text: string;
  readonly #start: number;
  readonly #end: number;
  readonly #opens: boolean;
  #list: Fields | null = null;

  /**
   * The lines are `text` from `start` to `end`, as `linesOf` makes them. `opens`: what stands before
   * them is the start of the head, in the form in which it is written.
   */
  constructor(text: string, start = 0, end = text.length, opens = false) {
    this.#text = text;
    this.#start = start;
    this.#end = end;
    this.#opens = opens;
  }

  static of(list: Fields): PassthroughFields {
    const fields = new PassthroughFields("");
    fields.#list = list;
    return fields;
  }

  /** Name, value, name, value, ...: to be read, and to be changed. */
  get list(): Fields {
    return (this.#list ??= listOf(this.lines));
  }

  /** What is written. */
  get lines(): string {
    return this.#list === null ? this.#text.slice(this.#start, this.#end) : linesOf(this.#list);
  }

  /** The start of the head as it came and these lines, in one piece; null: there is no such piece. */
  get opening(): string | null {
    return this.#opens && this.#list === null ? this.#text.slice(0, this.#end) : null;
  }
}

function listOf(lines: string): Fields {
  const list: Fields = [];
  for (let at = 0; at < lines.length;) {
    const colon = lines.indexOf(":", at);
    const end = lines.indexOf("\r", colon);
    list.push(lines.slice(at, colon), lines.slice(colon + 2, end));
    at = end + 2;
  }
  return list;
}
