// Compares the tree of a file with a schema, key by key, and finds every unknown key and kind.
import * as v from "valibot";
import { correctionsOf } from "../core/schema.ts";
import type { Correction, GenericSchema, ObjectEntries } from "../core/schema.ts";
import { isOfLinkerd, keyAdvice, kindAdvice } from "./legacy/advice.ts";
import { currentKind, toleratedKey } from "./legacy/tolerated.ts";
import { retyped } from "./retyped.ts";
import {
  expectedBy,
  hasKey,
  isRequired,
  lookInto,
  sharedEntries,
  unwrapped,
} from "./schema-parts.ts";
import { nearest } from "./suggest.ts";
import { plain } from "./yaml/yaml.ts";
import { isSecret, stepsKey } from "./yaml/locate.ts";
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
export function matchKeys(root: Node, schema: GenericSchema, text: string): KeyMatch {
  const walk = new Walk(text);
  const data = walk.any(root, schema, []);
  const { findings, warnings, unmatched, misspelt } = walk;
  return { data, findings, warnings, unmatched, misspelt };
}

class Walk {
  readonly findings: Finding[] = [];
  readonly warnings: Finding[] = [];
  readonly unmatched: UnmatchedPart[] = [];
  readonly misspelt = new Set<string>();
  readonly #text: string;
  /** The objects around the current one, outermost first: a misplaced key may belong to one of them. */
  readonly #enclosing: { readonly entries: ObjectEntries; readonly steps: readonly Step[] }[] = [];

  /** `text` is the file that the places of nodes refer to. */
  constructor(text: string) {
    this.#text = text;
  }

  any(node: Node, schema: GenericSchema, steps: readonly Step[]): unknown {
    const correction =
      correctionsOf(schema)?.(plain(node)) ??
      (node.kind === "scalar" ? retyped(node, schema, this.#text, isSecret(steps)) : null);
    if (correction !== null) return this.#corrected(correction, steps, "value");
    const looked = unwrapped(schema, node);
    const { entries, item, options } = looked;
    if (entries === undefined && looked.type !== "variant") {
      if (node.kind !== "list" || item === undefined) return plain(node);
      return node.items.map((inner, i) => this.any(inner, item, [...steps, i]));
    }
    if (node.kind === "list") this.#find(steps, "value", "expected a map");
    if (node.kind === "scalar") this.#bareKind(node.value, options ?? [], steps);
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
      if (schema !== undefined) {
        if (!isEmpty) data[key] = this.any(value, schema as GenericSchema, inside);
      } else if (type === "loose_object") data[key] = plain(value);
      else if (!isExtension(inside)) this.#unknown(key, value, node, entries, inside);
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
    const known = kindsOf(options, key);
    const inside = [...steps, key];
    const text = typeof value === "string" ? value : "";
    const current = currentKind(sectionOf(inside), text);
    if (current !== null && known.includes(current)) {
      const warning = `is the old name of ${current}, which is used instead: write ${current}`;
      this.#corrected({ readAs: current, warning }, inside, "value");
      return this.#variant(withEntry(node, key, current), key, options, steps);
    }
    const advice = kindAdvice(sectionOf(inside), text, known);
    const meant = advice === null ? nearest(text, known) : null;
    const list =
      known.length === 0
        ? "no kind is available here: delete this entry"
        : `expected ${anyOf(known)}`;
    if (meant !== null) {
      this.#find(inside, "value", `${list}, got ${JSON.stringify(value)}: did you mean ${meant}?`);
      return this.#variant(withEntry(node, key, meant), key, options, steps);
    }
    this.#find(inside, "value", advice ?? list);
    const entries = sharedEntries(options);
    const rest: MapNode = {
      ...node,
      entries: new Map(Array.from(node.entries).filter(([name]) => Object.hasOwn(entries, name))),
    };
    const data = this.#object(rest, entries, "loose_object", steps);
    this.unmatched.push({ steps, schema: v.looseObject(entries), data });
    return plain(node);
  }

  /** `loadBalancer: ewma` in place of `loadBalancer: { kind: ewma }`. */
  #bareKind(value: unknown, options: readonly GenericSchema[], steps: readonly Step[]): void {
    if (typeof value !== "string" || !kindsOf(options, "kind").includes(value)) return;
    const message = `expected a map, got ${JSON.stringify(value)}: write { kind: ${value} }`;
    this.#find(steps, "value", message);
  }

  #unknown(
    key: string,
    value: Node,
    node: MapNode,
    entries: ObjectEntries,
    steps: readonly Step[],
  ): void {
    const isEmpty = value.kind === "scalar" && value.value === null;
    if (isEmpty && isOfLinkerd(sectionOf(steps))) return; // without a value, a key asks for nothing
    const tolerated = toleratedKey(sectionOf(steps), plain(value));
    if (tolerated !== null) {
      this.warnings.push({ steps, at: "key", message: tolerated });
      return;
    }
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
      if (hasKey(schema as GenericSchema, key)) return `in ${name}`;
    }
    const around = outer.find(({ entries }) => Object.hasOwn(entries, key));
    if (around !== undefined) return `one level up, ${levelOf(around.steps)}`;
    for (const { entries } of outer) {
      for (const [name, schema] of Object.entries(entries)) {
        if (name !== steps.at(-2) && hasKey(schema as GenericSchema, key)) return `in ${name}`;
      }
    }
    return null;
  }

  #corrected(correction: Correction, steps: readonly Step[], at: "key" | "value"): unknown {
    const { readAs, warning: message, preventsRun = false } = correction;
    this.warnings.push({ steps, at, message, preventsRun });
    return readAs;
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

/** `x-...` at the top of the file is free for anchors, as in Compose files. */
function isExtension([key, ...inner]: readonly Step[]): boolean {
  return inner.length === 0 && typeof key === "string" && key.startsWith("x-");
}

/** The map with another text in place of the scalar at `key`. */
function withEntry(node: MapNode, key: string, text: string): MapNode {
  const entry = node.entries.get(key);
  if (entry?.value.kind !== "scalar") throw new Error(`bug: no text at ${key}`);
  const changed = { ...entry, value: { ...entry.value, value: text } };
  return { ...node, entries: new Map([...node.entries, [key, changed]]) };
}

/** The kinds to choose from, by name. */
function kindsOf(options: readonly GenericSchema[], key: string): string[] {
  const names = options.map((option) => {
    const { literal } = lookInto(lookInto(option).entries?.[key] as GenericSchema);
    return String(literal);
  });
  return names.filter((name) => !unlisted.has(name)).sort();
}

/** Keys and kinds that are never suggested. */
const unlisted = new Set(["experimental", "baseDtab", "usage", "originator", "io.l5d.usage"]);

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
