// Looks into valibot schemas: which keys, items and alternatives they have.
import * as v from "valibot";
import type { GenericSchema, ObjectEntries } from "../core/schema.ts";
import { issueMessage } from "./issue-messages.ts";
import type { Node } from "./yaml/yaml.ts";

/** The parts of a valibot schema that are read here. */
export interface Look {
  readonly type: string;
  readonly entries?: ObjectEntries;
  readonly item?: GenericSchema;
  readonly wrapped?: GenericSchema;
  readonly options?: readonly GenericSchema[];
  readonly key?: string;
  readonly literal?: unknown;
  readonly default?: unknown;
}

export function lookInto(schema: GenericSchema): Look {
  return schema as Look; // safe cast: every field is optional and checked before use
}

/** The schema inside wrappers; for a union, the alternative that fits the kind of node. */
export function unwrapped(schema: GenericSchema, node: Node | null): Look {
  const looked = lookInto(schema);
  if (looked.wrapped !== undefined) return unwrapped(looked.wrapped, node);
  if (looked.type !== "union" || looked.options === undefined) return looked;
  const options = looked.options.map((option) => unwrapped(option, node));
  const fits = ({ item, entries, type }: Look) => {
    if (node?.kind === "list") return item !== undefined;
    return node?.kind !== "scalar" && (entries !== undefined || type === "variant");
  };
  return options.find(fits) ?? { type: "any" };
}

export function isRequired(schema: GenericSchema): boolean {
  const { type } = lookInto(schema);
  return type !== "optional" && type !== "exact_optional" && type !== "nullish";
}

/** The message of a schema for a missing value. */
export function expectedBy(schema: GenericSchema): string {
  const { issues } = v.safeParse(schema, undefined, { message: issueMessage });
  return issues?.[0].message ?? "expected a value";
}

/** Keys with the same meaning in every alternative, recognized by a shared schema object. */
export function sharedEntries(options: readonly GenericSchema[]): ObjectEntries {
  const [first, ...others] = options.map((option) => lookInto(option).entries ?? {});
  const same = Object.entries(first ?? {}).filter(
    ([key, schema]) => others.length > 0 && others.every((entries) => entries[key] === schema),
  );
  return Object.fromEntries(same);
}

export function hasKey(schema: GenericSchema, key: string): boolean {
  const looked = unwrapped(schema, null);
  const inner = looked.item === undefined ? looked : unwrapped(looked.item, null);
  return inner.entries !== undefined && Object.hasOwn(inner.entries, key);
}
