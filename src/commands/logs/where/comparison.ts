// One comparison of `--where`. What a call does not have equals only null, and is neither less nor more.
import type { LoggedCall } from "../logged-call.ts";
import type { FieldType } from "./fields.ts";
import type { Token } from "./tokens.ts";

export interface Comparison {
  readonly field: string;
  readonly type: FieldType;
  readonly operator: string;
  readonly value: Token;
}

type Value = string | number | boolean | null;

/** What is wrong with the value, or with the operator. */
export interface Mistake {
  readonly of: "value" | "operator";
  readonly message: string;
}

export function comparison(parts: Comparison): ((call: LoggedCall) => boolean) | Mistake {
  const { field, type, operator } = parts;
  const wanted = valueOf(parts);
  if (typeof wanted === "object" && wanted !== null) return wanted;
  const compare = comparisons[operator];
  const message = mismatch(parts, wanted);
  if (compare === undefined || message !== null) {
    return { of: "operator", message: message ?? `${operator} is no comparison` };
  }
  const read = type === "time" ? timeOf : (value: Value) => value;
  return (call) => compare(read((call[field] ?? null) as Value), wanted);
}

/** Why the operator does not fit; null: it does. */
function mismatch({ field, type, operator }: Comparison, wanted: Value): string | null {
  if (operator.endsWith("~")) {
    return type === "text" ? null : `${operator} looks into text, and ${field} is none: use = or <`;
  }
  const hasOrder = wanted !== null && typeof wanted !== "boolean";
  if (hasOrder || !/[<>]/.test(operator)) return null;
  return `${String(wanted)} is neither less nor more: use = or !=`;
}

const comparisons: Readonly<Record<string, (is: Value, wanted: Value) => boolean>> = {
  "=": (is, wanted) => is === wanted,
  "==": (is, wanted) => is === wanted,
  "!=": (is, wanted) => is !== wanted,
  "<": (is, wanted) => is !== null && wanted !== null && is < wanted,
  "<=": (is, wanted) => is !== null && wanted !== null && is <= wanted,
  ">": (is, wanted) => is !== null && wanted !== null && is > wanted,
  ">=": (is, wanted) => is !== null && wanted !== null && is >= wanted,
  "~": (is, wanted) => typeof is === "string" && is.includes(String(wanted)),
  "!~": (is, wanted) => typeof is !== "string" || !is.includes(String(wanted)),
};

function valueOf({ field, type, value }: Comparison): Value | Mistake {
  const { text } = value;
  if (value.kind === "word" && text === "null") return null;
  switch (type) {
    case "text":
      return text;
    case "number":
      return /^-?\d+(?:\.\d+)?$/.test(text)
        ? Number(text)
        : { of: "value", message: `${field} is a number, and ${text} is not` };
    case "truth":
      return text === "true" || text === "false"
        ? text === "true"
        : { of: "value", message: `${field} is true or false, not ${text}` };
    case "time": {
      const time = timeOf(text);
      return time ?? { of: "value", message: `${text} is not a time such as 2024-01-31T22:59:58Z` };
    }
    default:
      return type satisfies never;
  }
}

/** Milliseconds since 1970. Without a zone it is UTC, as in the log. */
function timeOf(value: Value): number | null {
  if (typeof value !== "string") return typeof value === "number" ? value : null;
  const hasZone = /(?:Z|[+-]\d\d:?\d\d)$/.test(value) || !value.includes("T");
  const time = Date.parse(hasZone ? value : `${value}Z`);
  return Number.isNaN(time) ? null : time;
}
