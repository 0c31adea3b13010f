// The kinds of this build as schemas: one alternative per `kind:`, plus the keys that all of them share.
import * as v from "valibot";
import type { GenericSchema, ObjectEntries } from "../core/schema.ts";
import { says, truth } from "../core/schema.ts";

/** The part of a plugin that the configuration needs; every `Plugin` satisfies it. */
export interface Kind {
  readonly kind: string;
  readonly schema: GenericSchema;
}

/** The part of a protocol that the configuration needs; every `Protocol` satisfies it. */
export interface ProtocolKind {
  readonly name: string;
  readonly defaultPort: number;
  readonly identifiers: readonly Kind[];
  readonly defaultIdentifier: string;
  readonly classifiers: readonly Kind[];
  readonly defaultClassifier: string;
  readonly routerKeys: ObjectEntries;
  readonly serverKeys: ObjectEntries;
  readonly clientKeys: ObjectEntries;
  readonly serviceKeys: ObjectEntries;
}

/** The part of a telemeter that the configuration needs; every `TelemeterPlugin` satisfies it. */
export interface TelemeterKind extends Kind {
  /** Where its page is unless the key `path` says otherwise; absent: it adds no page. */
  readonly defaultPath?: string;
}

/** All kinds that a file may use. */
export interface Kinds {
  readonly protocols: readonly ProtocolKind[];
  readonly namers: readonly Kind[];
  readonly interpreters: readonly Kind[];
  readonly transformers: readonly Kind[];
  readonly balancers: readonly Kind[];
  readonly accruals: readonly Kind[];
  readonly limiters: readonly Kind[];
  readonly telemeters: readonly TelemeterKind[];
  readonly announcers: readonly Kind[];
  /** Of a name server. */
  readonly storages: readonly Kind[];
  readonly interfaces: readonly Kind[];
  /** The first segments of names below `/$`, such as `inet`. */
  readonly builtInNames: readonly string[];
}

/** A checked object with a `kind`: the argument of its plugin's `create`. */
export interface KindConfig {
  readonly kind: string;
  readonly [key: string]: unknown;
}

/** Accepted everywhere and never required. */
export const experimental = () =>
  says(
    "Accepted for files written for Linkerd 1, which asks for it; nothing here needs it.",
    v.optional(truth()),
  );

/** One of the kinds, each extended by those `shared` keys that it does not define itself. */
export function oneOf(
  kinds: readonly Kind[],
  shared: (kind: string) => ObjectEntries = () => ({}),
): v.GenericSchema<unknown, KindConfig> {
  const options = kinds.map(({ kind, schema }) =>
    withKeys(schema, { experimental: experimental(), ...shared(kind) }),
  );
  return variant("kind", options) as v.GenericSchema<unknown, KindConfig>;
}

/** A union of objects distinguished by `key`. Safe casts: each is a strict object with that key. */
export function variant(key: string, options: readonly GenericSchema[]): GenericSchema {
  return v.variant(key, options as readonly never[]) as GenericSchema;
}

/** A non-empty list, or a single value, which becomes a list of one. */
export function oneOrMany<T>(one: v.GenericSchema<unknown, T>) {
  const many = v.pipe(v.array(one), v.nonEmpty("expected at least one entry"));
  const either: v.GenericSchema<unknown, T | T[]> = {
    ...v.union([many, one]),
    // A plain union would try both and could report only that neither fits.
    "~run": (dataset, config) =>
      (Array.isArray(dataset.value) ? many : one)["~run"](dataset, config),
  };
  return v.pipe(
    either,
    v.transform((value): readonly T[] => (Array.isArray(value) ? value : [value])),
  );
}

/** Adds keys to an object schema. The schema's own keys win, and its checks are kept. */
function withKeys(schema: GenericSchema, keys: ObjectEntries): GenericSchema {
  const { entries, pipe } = schema as ObjectLike;
  if (entries === undefined) throw new Error("bug: a kind's schema must be a strict object");
  const object: GenericSchema = v.strictObject({ ...keys, ...entries });
  return pipe === undefined ? object : v.pipe(object, ...pipe.slice(1));
}

interface ObjectLike {
  readonly entries?: ObjectEntries;
  readonly pipe?: readonly v.PipeItem<unknown, unknown, v.BaseIssue<unknown>>[];
}
