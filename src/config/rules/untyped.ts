// Reads data whose types have not been checked yet. A value of the wrong type counts as empty; the schema
// reports it.

export type Data = Readonly<Record<string, unknown>>;

export interface Indexed {
  readonly data: Data;
  readonly index: number;
}

export function fieldsOf(value: unknown): Data {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Data)
    : {};
}

export function mapsOf(value: unknown): Indexed[] {
  return Array.isArray(value) ? value.map((item, index) => ({ data: fieldsOf(item), index })) : [];
}
