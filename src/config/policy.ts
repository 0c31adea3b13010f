// The settings of the sections `service` and `client` for one name: `io.l5d.static` merges entries by prefix.
import * as v from "valibot";
import type { Captures, PathPattern } from "../core/names/path-pattern.ts";
import type { Path } from "../core/names/path.ts";
import { lenient, pathPattern, says } from "../core/schema.ts";
import type { Correction, GenericSchema, ObjectEntries } from "../core/schema.ts";

/** One key of the merged policy of a name. */
export interface Setting {
  readonly key: string;
  /** The checked value, with its defaults filled in. */
  readonly value: unknown;
  /** The entry that set it: `configs[1]` and its prefix, or the section itself; null for a default. */
  readonly from: { readonly entry: string; readonly prefix: string } | null;
}

export interface Policy<Keys> {
  /** The settings of a name: all entries whose prefix matches, merged in file order; later ones win. */
  of(path: Path): Keys;
  /** The same settings, key by key, with the source of each. */
  settings(path: Path): readonly Setting[];
  /** What the `{names}` in the prefix of the entry that sets `key` for a name stand for. */
  captures(path: Path, key: string): Captures;
}

/** A checked section: `configs` occurs only with `io.l5d.static`, and then without other keys. */
export type PolicySection<Keys> = Keys & {
  readonly kind: "io.l5d.global" | "io.l5d.static";
  readonly configs?: readonly ({ readonly prefix: PathPattern } & Partial<Keys>)[] | undefined;
};

/** The schema of a section: keys for all names, or lists of keys by prefix. */
export function policySection(entries: ObjectEntries, prefixes: string): GenericSchema {
  const given = Object.entries(entries).map(([key, schema]) => {
    return [key, withoutDefault(schema as GenericSchema)] as const;
  });
  return v.strictObject({
    kind: says(
      "io.l5d.global: the keys of this section hold for all names; io.l5d.static: keys by prefix, in configs.",
      v.optional(v.picklist(["io.l5d.global", "io.l5d.static"]), "io.l5d.global"),
    ),
    configs: says(
      "With io.l5d.static: keys by prefix. All matching entries are merged; later ones win.",
      v.optional(
        v.array(
          v.strictObject({
            prefix: says(prefixes, lenient(misplacedSlashes, pathPattern())),
            ...Object.fromEntries(given),
          }),
          "expected a list of entries with a prefix",
        ),
      ),
    ),
    ...entries,
  });
}

/** Linkerd split prefixes at slashes and ignored empty parts. */
function misplacedSlashes(text: unknown): Correction | null {
  if (typeof text !== "string" || text.trim() === "") return null;
  const parts = text.trim().split("/");
  const inner = parts.slice(parts[0] === "" ? 1 : 0, parts.at(-1) === "" ? -1 : undefined);
  const prefix = `/${inner.join("/")}`;
  if (prefix === text.trim() || inner.includes("")) return null;
  return {
    readAs: prefix,
    warning: `is read as ${prefix}: a prefix begins with a slash and does not end with one`,
  };
}

/** The same key without its default, so that an entry changes only the keys that it contains. */
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

/** The prefix of keys that are written in the section itself. */
const everything: PathPattern = { text: "/", match: () => noCaptures };
const noCaptures: Captures = new Map();

/**
 * `written` is the section as written in the file; `finish` converts merged keys to the form that the
 * rest of the program uses.
 */
export function policyOf<Keys extends object, Finished>(
  section: PolicySection<Keys>,
  written: Readonly<Record<string, unknown>>,
  finish: (keys: Keys) => Finished,
): Policy<Finished> {
  const { kind: _, configs, ...keys } = section;
  // Safe cast: these are all keys but the two above. In a static section they hold only defaults.
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
  /** Keyed by the matching entries, because many names share the same settings. */
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

  captures(path: Path, key: string): Captures {
    const entry = this.#matching(path).findLast(({ given }) => Object.hasOwn(given, key));
    return entry?.prefix.match(path) ?? noCaptures;
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
