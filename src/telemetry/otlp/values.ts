// The parts that all of OTLP's JSON has in common: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding

export interface Scope {
  readonly name: string;
  readonly version: string;
}

export type Attributes = Readonly<Record<string, string | number | null>>;

export interface KeyValue {
  readonly key: string;
  readonly value: { readonly stringValue: string } | { readonly intValue: string };
}

/** Without those that are null. Numbers are whole: 64 bits are text in JSON. */
export function attributesOf(attributes: Attributes): KeyValue[] {
  const list: KeyValue[] = [];
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "number") addNumber(list, key, value);
    else addText(list, key, value);
  }
  return list;
}

export function addText(list: KeyValue[], key: string, value: string | null): void {
  if (value !== null) list.push({ key, value: { stringValue: value } });
}

export function addNumber(list: KeyValue[], key: string, value: number | null): void {
  if (value !== null) list.push({ key, value: { intValue: String(value) } });
}

/** Nanoseconds since 1970 as text: more than a number can hold. */
export const nanosOf = (us: number): string => `${Math.round(us)}000`;
