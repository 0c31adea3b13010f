// The fields of a head that pass through, kept as received lines until something reads them.

/** Header fields, flat: name, value, name, value, ... Names keep their case. */
export type Fields = string[];

/** The value of the first field with that name, given in lower case; null if there is no such field. */
export function fieldOf(fields: Fields, lowerName: string): string | null {
  const index = indexOf(fields, lowerName);
  return index < 0 ? null : (fields[index + 1] ?? null);
}

/** The index of the name of the first such field; -1 if there is no such field. */
export function indexOf(fields: Fields, lowerName: string): number {
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i];
    if (name === undefined || name.length !== lowerName.length) continue;
    if (name === lowerName || name.toLowerCase() === lowerName) return i;
  }
  return -1;
}

/** Formats each field as `Name: value` and CRLF. */
export function linesOf(fields: Fields): string {
  let lines = "";
  for (let i = 0; i < fields.length; i += 2) lines += `${fields[i]}: ${fields[i + 1]}\r\n`;
  return lines;
}

/**
 * Most heads are passed on without any of these fields being read: then the received text goes out
 * again. Once `list` has been read, the list is authoritative, including changes made to it.
 */
export class PassthroughFields {
  readonly #text: string;
  readonly #start: number;
  readonly #end: number;
  readonly #opens: boolean;
  #list: Fields | null = null;

  /**
   * The lines are `text` from `start` to `end`, as `linesOf` makes them. `opens`: the text before them
   * is the start of the head, in the form that our writer uses.
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

  /** Name, value, name, value, ...; callers may read and change it. */
  get list(): Fields {
    return (this.#list ??= listOf(this.lines));
  }

  /** The lines to write. */
  get lines(): string {
    return this.#list === null ? this.#text.slice(this.#start, this.#end) : linesOf(this.#list);
  }

  /** The start of the head and these lines in one piece, as received; null: they must be written. */
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
