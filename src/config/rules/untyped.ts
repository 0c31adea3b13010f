// Reads data whose types have not been checked yet. A value of the wrong type counts as empty; the schema
// reports it.

import type { Step } from "../yaml/yaml.ts";

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

/** A section, and the entries of its `configs`. */
export function entriesOf(section: unknown, steps: readonly Step[]) {
  const data = fieldsOf(section);
  const inner = mapsOf(data["configs"]).map((entry) => ({
    data: entry.data,
    steps: [...steps, "configs", entry.index],
  }));
  return [{ data, steps }, ...inner];
}
