// Quoted numbers and unquoted text: values of the wrong type whose meaning is clear.
import * as v from "valibot";
import type { Correction, GenericSchema } from "../core/schema.ts";
import type { ScalarNode } from "./yaml/yaml.ts";

/**
 * The value in the type that `schema` expects, where it has only one reading there: `"4140"` for a port,
 * `yes` for a switch, `17` for a label. Linkerd's parser read most of these without a word. null when
 * the value is fine, or has no such reading.
 */
export function retyped(
  node: ScalarNode,
  schema: GenericSchema,
  text: string,
  isSecret: boolean,
): Correction | null {
  const reading = readingOf(node, text);
  if (reading === null || v.is(schema, node.value) || !v.is(schema, reading.value)) return null;
  const { value, advice } = reading;
  const shown = isSecret ? "" : ` ${JSON.stringify(value)}`;
  return { readAs: value, warning: `is read as ${typeNames[typeof value]}${shown}: ${advice}` };
}

const typeNames: Readonly<Record<string, string>> = {
  number: "the number",
  boolean: "the boolean",
  string: "the text",
};

interface Reading {
  readonly value: string | number | boolean;
  readonly advice: string;
}

/** The other type that a value may have been meant to be. */
function readingOf({ value, style, offset, end }: ScalarNode, text: string): Reading | null {
  if (value === null) return null;
  // As it was written: 1.50 is the text "1.50".
  if (typeof value !== "string") {
    return { value: text.slice(offset, end).trim(), advice: "put it in quotes" };
  }
  if (/^-?\d{1,15}(\.\d{1,15})?$/.test(value)) {
    return { value: Number(value), advice: "leave out the quotes" };
  }
  if (!/^(true|false|yes|no|on|off)$/i.test(value)) return null;
  const isTrue = /^(true|yes|on)$/i.test(value);
  const advice = style === "quoted" ? `write ${isTrue}, without quotes` : `write ${isTrue}`;
  return { value: isTrue, advice };
}
