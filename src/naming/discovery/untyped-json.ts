// Reading JSON of a server that may send anything: what is of another kind reads as empty.

export type Fields = Readonly<Record<string, unknown>>;

/** The fields of an object; none of any other value. */
export function fieldsOf(json: unknown): Fields {
  return typeof json === "object" && json !== null ? (json as Fields) : {};
}

/** The elements of an array; none of any other value. */
export function listOf(json: unknown): readonly unknown[] {
  return Array.isArray(json) ? json : [];
}
