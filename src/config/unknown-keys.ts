// Compares the tree of a file with a schema, key by key, and finds every unknown key and kind.
import * as v from "valibot";
import type { GenericSchema, ObjectEntries } from "../core/schema.ts";
import { keyAdvice, kindAdvice, withoutEffect } from "./legacy/advice.ts";
import { issueMessage } from "./issue-messages.ts";
import { nearest } from "./suggest.ts";
import { plain } from "./yaml/yaml.ts";
import { stepsKey } from "./yaml/locate.ts";
import type { Finding } from "./yaml/locate.ts";
import type { MapNode, Node, Step } from "./yaml/yaml.ts";

/** A part of the file that matches no alternative; it is checked against the keys that all of them share. */
interface UnmatchedPart {
  readonly steps: readonly Step[];
  readonly schema: GenericSchema;
  readonly data: unknown;
}

interface KeyMatch {
  /** The file as plain data without unknown and empty keys, ready for the schema. */
  readonly data: unknown;
  readonly findings: readonly Finding[];
  readonly warnings: readonly Finding[];
  readonly unmatched: readonly UnmatchedPart[];
  /** `stepsKey`s of keys that are missing only because they are misspelt, which is already a finding. */
  readonly misspelt: ReadonlySet<string>;
}

/**
 * A schema alone stops at the first unknown key of an object, and cannot suggest what a key of another
 * version or section was meant to be.
 */
export function matchKeys(root: Node, schema: GenericSchema): KeyMatch {
  const walk = new Walk();
  const data = walk.any(root, schema, []);
  const { findings, warnings, unmatched, misspelt } = walk;
  return { data, findings, warnings, unmatched, misspelt };
}

class Walk {
  readonly findings: Finding[] = [];
  readonly warnings: Finding[] = [];
  readonly unmatched: UnmatchedPart[] = [];
  readonly misspelt = new Set<string>();
  /** The objects around the current one, outermost first: a misplaced key may belong to one of them. */
  readonly #enclosing: { readonly entries: ObjectEntries; readonly steps: readonly Step[] }[] = [];

  any(node: Node, schema: GenericSchema, steps: readonly Step[]): unknown {
    const looked = unwrapped(schema, node);
    const { entries, item, options } = looked;
    if (entries === undefined && looked.type !== "variant") {
      if (node.kind !== "list" || item === undefined) return plain(node);
      return node.items.map((inner, i) => this.any(inner, item, [...steps, i]));
    }
    if (node.kind === "list") this.#find(steps, "value", "expected a map");
    if (node.kind !== "map") return plain(node);
    if (entries !== undefined) return this.#object(node, entries, looked.type, steps);
    return this.#variant(node, looked.key ?? "kind", options ?? [], steps);
  }

  #object(
    node: MapNode,
    entries: ObjectEntries,
    type: string,
    steps: readonly Step[],
  ): Record<string, unknown> {
    const data: Record<string, unknown> = {};
    this.#enclosing.push({ entries, steps });
    for (const [key, { value }] of node.entries) {
      const schema = Object.hasOwn(entries, key) ? entries[key] : undefined;
      const inside = [...steps, key];
      const isEmpty = value.kind === "scalar" && value.value === null;
      const noEffect = withoutEffect(sectionOf(inside));
      if (noEffect !== null) this.warnings.push({ steps: inside, at: "key", message: noEffect });
      if (schema !== undefined && !isEmpty)
        data[key] = this.any(value, schema as GenericSchema, inside);
      else if (schema === undefined && type === "loose_object") data[key] = plain(value);
      else if (schema === undefined && noEffect === null) this.#unknown(key, node, entries, inside);
    }
    this.#enclosing.pop();
    for (const [key, schema] of Object.entries(entries)) {
      if (Object.hasOwn(data, key) || !isRequired(schema as GenericSchema)) continue;
      const inside = [...steps, key];
      if (this.misspelt.has(stepsKey(inside))) continue;
      this.#find(inside, "value", expectedBy(schema as GenericSchema));
    }
    return data;
  }

  #variant(
    node: MapNode,
    key: string,
    options: readonly GenericSchema[],
    steps: readonly Step[],
  ): unknown {
    const given = node.entries.get(key)?.value;
    const value = given?.kind === "scalar" && given.value !== null ? given.value : undefined;
    const entryOf = (option: GenericSchema) => lookInto(option).entries?.[key] as GenericSchema;
    const chosen = options.find((option) => v.is(entryOf(option), value));
    if (chosen !== undefined) return this.any(node, chosen, steps);
    const known = options.map((option) => String(lookInto(entryOf(option)).literal)).sort();
    const inside = [...steps, key];
    const advice = typeof value === "string" ? kindAdvice(sectionOf(inside), value, known) : null;
    const meant = typeof value === "string" ? nearest(value, known) : null;
    const hint = meant === null ? "" : `, got ${JSON.stringify(value)}: did you mean ${meant}?`;
    const list =
      known.length === 0
        ? "no kind is available here: delete this entry"
        : `expected ${anyOf(known)}`;
    this.#find(inside, "value", advice ?? list + hint);
    const entries = sharedEntries(options);
    const rest: MapNode = {
      ...node,
      entries: new Map(Array.from(node.entries).filter(([name]) => Object.hasOwn(entries, name))),
    };
    const data = this.#object(rest, entries, "loose_object", steps);
    this.unmatched.push({ steps, schema: v.looseObject(entries), data });
    return plain(node);
  }

  #unknown(key: string, node: MapNode, entries: ObjectEntries, steps: readonly Step[]): void {
    const advice = keyAdvice(sectionOf(steps));
    if (advice !== null) return this.#find(steps, "key", advice);
    const known = Object.keys(entries);
    const elsewhere = this.#sectionWith(key, steps);
    const here = elsewhere === null ? nearest(key, known) : null;
    const isMissing = here !== null && !node.entries.has(here);
    if (isMissing) this.misspelt.add(stepsKey([...steps.slice(0, -1), here]));
    this.#find(steps, "key", unknownKey(here, elsewhere, known));
  }

  /** The nearby section that has the key. */
  #sectionWith(key: string, steps: readonly Step[]): string | null {
    const [here, ...outer] = this.#enclosing.toReversed();
    if (here === undefined) return null;
    for (const [name, schema] of Object.entries(here.entries)) {
      if (hasKey(schema as GenericSchema, key)) return `into ${name}`;
    }
    const around = outer.find(({ entries }) => Object.hasOwn(entries, key));
    if (around !== undefined) return `one level up, ${levelOf(around.steps)}`;
    for (const { entries } of outer) {
      for (const [name, schema] of Object.entries(entries)) {
        if (name !== steps.at(-2) && hasKey(schema as GenericSchema, key)) return `into ${name}`;
      }
    }
    return null;
  }

  #find(steps: readonly Step[], at: "key" | "value", message: string): void {
    this.findings.push({ steps, at, message });
  }
}

function unknownKey(here: string | null, elsewhere: string | null, known: readonly string[]) {
  if (elsewhere !== null) return `unknown key here: it belongs ${elsewhere}`;
  if (here !== null) return `unknown key: did you mean ${here}?`;
  return `unknown key: expected ${anyOf(known.filter((name) => !unlisted.has(name)).sort())}`;
}

/** Keys that are never suggested. */
const unlisted = new Set(["experimental", "baseDtab", "usage", "originator"]);

function levelOf(steps: readonly Step[]): string {
  return steps.length === 0
    ? "at the top of the file"
    : `beside the keys of ${String(steps.findLast((step) => typeof step === "string"))}`;
}

function anyOf(words: readonly string[]): string {
  return words.length === 1 ? (words[0] ?? "") : `one of ${words.join(", ")}`;
}

/**
 * Such as `routers.servers.port`: the steps without list indices. Keys in an entry of `configs` count as
 * keys of the section around it.
 */
function sectionOf(steps: readonly Step[]): string {
  return steps.filter((step) => typeof step === "string" && step !== "configs").join(".");
}

/** The parts of a valibot schema that this file reads. */
interface Look {
  readonly type: string;
  readonly entries?: ObjectEntries;
  readonly item?: GenericSchema;
  readonly wrapped?: GenericSchema;
  readonly options?: readonly GenericSchema[];
  readonly key?: string;
  readonly literal?: unknown;
  readonly default?: unknown;
}

function lookInto(schema: GenericSchema): Look {
  return schema as Look; // safe cast: every field is optional and checked before use
}

/** The schema inside wrappers; for a union, the alternative that fits the kind of node. */
function unwrapped(schema: GenericSchema, node: Node | null): Look {
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

function isRequired(schema: GenericSchema): boolean {
  const { type } = lookInto(schema);
  return type !== "optional" && type !== "exact_optional" && type !== "nullish";
}

/** The message of a schema for a missing value. */
function expectedBy(schema: GenericSchema): string {
  const { issues } = v.safeParse(schema, undefined, { message: issueMessage });
  return issues?.[0].message ?? "expected a value";
}

/** Keys with the same meaning in every alternative, recognized by a shared schema object. */
function sharedEntries(options: readonly GenericSchema[]): ObjectEntries {
  const [first, ...others] = options.map((option) => lookInto(option).entries ?? {});
  const same = Object.entries(first ?? {}).filter(
    ([key, schema]) => others.length > 0 && others.every((entries) => entries[key] === schema),
  );
  return Object.fromEntries(same);
}

function hasKey(schema: GenericSchema, key: string): boolean {
  const looked = unwrapped(schema, null);
  const inner = looked.item === undefined ? looked : unwrapped(looked.item, null);
  return inner.entries !== undefined && Object.hasOwn(inner.entries, key);
}
