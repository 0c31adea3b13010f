// Plain-language messages for the issues of a schema. A schema of a plugin may define better ones.
import type { BaseIssue } from "valibot";

/** The message of an issue for which no schema has a message of its own. */
export function issueMessage(issue: BaseIssue<unknown>): string {
  const { type, requirement, expected } = issue;
  const known = messages[type];
  if (known !== undefined) return `expected ${known}`;
  switch (type) {
    case "min_value":
      return `expected a value >= ${String(requirement)}`;
    case "max_value":
      return `expected a value <= ${String(requirement)}`;
    case "gt_value":
      return `expected a value > ${String(requirement)}`;
    case "lt_value":
      return `expected a value < ${String(requirement)}`;
    case "min_length":
      return `expected at least ${String(requirement)} ${itemsOf(issue)}`;
    case "max_length":
      return `expected at most ${String(requirement)} ${itemsOf(issue)}`;
    default:
      return `expected ${alternatives(expected ?? "another value")}`;
  }
}

const messages: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  boolean: "true or false",
  array: "a list",
  tuple: "a list",
  object: "a map",
  strict_object: "a map",
  loose_object: "a map",
  variant: "a map",
  record: "a map",
  integer: "a whole number",
  finite: "a finite number",
  non_empty: "at least one entry",
  ip: "an IP address",
  ipv4: "an IPv4 address",
  ipv6: "an IPv6 address",
  url: "a URL",
};

function itemsOf({ input }: BaseIssue<unknown>): string {
  return Array.isArray(input) ? "entries" : "characters";
}

/** `("a" | "b")` as `one of a, b`. */
function alternatives(expected: string): string {
  const words = expected.replace(/^\((.*)\)$/, "$1").split(" | ");
  const bare = words.map((word) => word.replace(/^"(.*)"$/, "$1"));
  return bare.length > 1 ? `one of ${bare.join(", ")}` : (bare[0] ?? expected);
}
