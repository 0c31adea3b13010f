// What the sections `service` and `client` say of one name: `io.l5d.static` merges entries by prefix.
import * as v from "valibot";
import type { Captures, PathPattern } from "../core/names/path-pattern.ts";
import type { Path } from "../core/names/path.ts";
import { pathPattern, says } from "../core/schema.ts";
import type { GenericSchema, ObjectEntries } from "../core/schema.ts";

/** One key of the merged policy of a name. */
export interface Setting {
  readonly key: string;
  /** As it was checked, with its own defaults filled in. */
  readonly value: unknown;
  /** Which entry gave it: `configs[1]` and its prefix, or the section; null: a default. */
  readonly from: { readonly entry: string; readonly prefix: string } | null;
}

export interface Policy<Keys> {
  /** What holds for a name: all entries whose prefix fits, in the order of the file, later win. */
  of(path: Path): Keys;
  /** The same key by key, and where each comes from. */
  settings(path: Path): readonly Setting[];
}

/** A section as it was checked: `configs` only with `io.l5d.static`, and then no key beside it. */
export type PolicySection<Keys> = Keys & {
  readonly kind: "io.l5d.global" | "io.l5d.static";
  readonly configs?: readonly ({ readonly prefix: PathPattern } & Partial<Keys>)[] | undefined;
};

/** The keys of a section: its own, or lists of them by prefix. */
export function policySection(entries: ObjectEntries, prefixes: string): GenericSchema {
  const given = Object.entries(entries).map(([key, schema]) => {
    return [key, withoutDefault(schema as GenericSchema)] as const;
  });
  return v.strictObject({
    kind: says(
      "io.l5d.global: the keys stand in this section, for all names; io.l5d.static: in configs.",
      v.optional(v.picklist(["io.l5d.global", "io.l5d.static"]), "io.l5d.global"),
    ),
    configs: says(
      "With io.l5d.static: keys by prefix. All that fit are merged, later ones win.",
      v.optional(
        v.array(
          v.strictObject({
            prefix: says(prefixes, pathPattern()),
            ...Object.fromEntries(given),
          }),
          "expected a list of entries with a prefix",
        ),
      ),
    ),
    ...entries,
  });
}

/** The same key, absent when it is not written: what does not stand in an entry changes nothing. */
function withoutDefault(schema: GenericSchema): GenericSchema {
  const { wrapped, pipe } = schema as OptionalLike;
  if (wrapped === undefined) return v.optional(schema);
  const bare: GenericSchema = v.optional(wrapped);
  return pipe === undefined ? bare : v.pipe(bare, ...pipe.slice(1));
}

interface OptionalLike {
  readonly wrapped?: GenericSchema;
  readonly pipe?: readonly v.PipeItem<unknown, unknown, v.BaseIssue<unknown>>[];
}

interface Entry<Keys> {
  readonly name: string;
  readonly prefix: PathPattern;
  readonly given: Partial<Keys>;
}

/** What entries of static sections match when they stand in the section itself. */
const everything: PathPattern = { text: "/", match: () => noCaptures };
const noCaptures: Captures = new Map();

/**
 * `written` is the section as it stands in the file; `finish` makes of merged keys what the rest of
 * the program wants.
 */
export function policyOf<Keys extends object, Finished>(
  section: PolicySection<Keys>,
  written: Readonly<Record<string, unknown>>,
  finish: (keys: Keys) => Finished,
): Policy<Finished> {
  const { kind: _, configs, ...keys } = section;
  // The cast: what is left when the two are taken out. A static section has nothing but defaults.
  const defaults = keys as unknown as Keys;
  const entries = configs?.map(({ prefix, ...given }, i): Entry<Keys> => {
    return { name: `configs[${i}]`, prefix, given: given as Partial<Keys> };
  });
  const whole = { name: "", prefix: everything, given: writtenKeys(defaults, written) };
  return new MergedPolicy(defaults, entries ?? [whole], finish);
}

class MergedPolicy<Keys extends object, Finished> implements Policy<Finished> {
  readonly #defaults: Keys;
  readonly #entries: readonly Entry<Keys>[];
  readonly #finish: (keys: Keys) => Finished;
  /** By the entries that match: many names have the same settings. */
  readonly #finished = new Map<string, Finished>();

  constructor(defaults: Keys, entries: readonly Entry<Keys>[], finish: (keys: Keys) => Finished) {
    this.#defaults = defaults;
    this.#entries = entries;
    this.#finish = finish;
  }

  of(path: Path): Finished {
    const matching = this.#matching(path);
    const key = matching.map(({ name }) => name).join(" ");
    let finished = this.#finished.get(key);
    if (finished === undefined) {
      const given = matching.map((entry) => entry.given);
      finished = this.#finish(Object.assign({}, this.#defaults, ...given) as Keys);
      this.#finished.set(key, finished);
    }
    return finished;
  }

  settings(path: Path): readonly Setting[] {
    return settingsOf(this.#defaults, this.#matching(path));
  }

  #matching(path: Path): readonly Entry<Keys>[] {
    return this.#entries.filter(({ prefix }) => prefix.match(path) !== null);
  }
}

function writtenKeys<Keys extends object>(
  keys: Keys,
  written: Readonly<Record<string, unknown>>,
): Partial<Keys> {
  const given = Object.entries(keys).filter(([key]) => (written[key] ?? null) !== null);
  return Object.fromEntries(given) as Partial<Keys>;
}

function settingsOf<Keys extends object>(
  defaults: Keys,
  entries: readonly Entry<Keys>[],
): readonly Setting[] {
  const settings = new Map<string, Setting>();
  for (const [key, value] of Object.entries(defaults)) {
    settings.set(key, { key, value, from: null });
  }
  for (const { name, prefix, given } of entries) {
    for (const [key, value] of Object.entries(given)) {
      settings.set(key, { key, value, from: { entry: name, prefix: prefix.text } });
    }
  }
  return Array.from(settings.values());
}
