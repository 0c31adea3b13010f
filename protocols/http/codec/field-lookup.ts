// Looking things up in flat lists of header fields.
import type { Fields, HttpRequest } from "../message.ts";

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

/** Reads one header of a request, wherever the parser has put it. `header` in any case. */
export function headerReader(header: string): (request: HttpRequest) => string | null {
  const lowerName = header.toLowerCase();
  if (lowerName === "host") return (request) => request.host;
  if (lowerName === "via") return (request) => request.via;
  if (lowerName.startsWith("l5d-")) {
    return (request) => (request.context === null ? null : fieldOf(request.context, lowerName));
  }
  return (request) => fieldOf(request.fields.list, lowerName);
}
