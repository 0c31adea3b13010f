// Looks into data of which nobody has checked yet that it has the right shape: what has the wrong
// one counts as empty, and is told of by others.

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
