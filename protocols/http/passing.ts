// The fields of a head that pass through: lines as received while nobody looks at them.
import type { Fields } from "./message.ts";

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
export class PassingFields {
  #lines: string;
  #list: Fields | null = null;

  /** `lines` as `linesOf` makes them. */
  constructor(lines: string) {
    this.#lines = lines;
  }

  static of(list: Fields): PassingFields {
    const fields = new PassingFields("");
    fields.#list = list;
    return fields;
  }

  /** Name, value, name, value, ...: to be read, and to be changed. */
  get list(): Fields {
    return (this.#list ??= listOf(this.#lines));
  }

  /** What is written. */
  get lines(): string {
    return this.#list === null ? this.#lines : linesOf(this.#list);
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
