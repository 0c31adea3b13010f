// Looks names up: in the dtab first, then in the configured namers, then in the built-in `/$/`.
import { matches } from "../../core/names/dtab.ts";
import type { Dtab, Match } from "../../core/names/dtab.ts";
import { failure } from "../../core/failure.ts";
import type { Failure } from "../../core/failure.ts";
import { neg } from "../../core/names/nametree.ts";
import type { NameTree } from "../../core/names/nametree.ts";
import type { Bound, MountedNamer } from "../../core/naming.ts";
import { startsWith, without } from "../../core/names/path.ts";
import type { Path } from "../../core/names/path.ts";
import { failed, ok } from "../../core/live.ts";
import type { State } from "../../core/live.ts";
import type { Tracker } from "./tracker.ts";

/** A name may be looked up so many times in a row (Finagle's namerMaxDepth). */
const maxLookups = 100;

/**
 * A dtab that comes with a request may fan out: `/a => /a/x & /a/y` doubles with every lookup.
 * So many lookups a name may take in all.
 */
const maxLookupsInAll = 4_000;

/** Trees nest within the lookups of trees; every level is two frames of a stack of some 10,000. */
const maxLevels = 1_000;

/** The lookups that led to a name, the last first. */
export interface LookupChain {
  readonly path: Path;
  readonly parent: LookupChain | null;
}

/** In the order of lookups: the last configured first, the built-in ones of `/$/` last. */
export function inOrder(
  configured: readonly MountedNamer[],
  builtIn: MountedNamer,
): readonly MountedNamer[] {
  return [...configured.toReversed(), builtIn];
}

/** The state of a name and the namer it comes from; null when no namer knows the name. */
export interface NamerResult {
  readonly namer: MountedNamer | null;
  readonly state: State<NameTree<Bound | Path>>;
}

const unknown: NamerResult = { namer: null, state: ok(neg) };

/**
 * The first result that is not `~`, of the namers whose prefix matches. Pending and failed results
 * count, too: later namers are not asked.
 */
export function lookUpInNamers(
  namers: readonly MountedNamer[],
  path: Path,
  tracker: Tracker,
): NamerResult {
  for (const namer of namers) {
    if (!startsWith(path, namer.id)) continue;
    const state = tracker.read(namer, path, () => namer.namer.lookup(without(path, namer.id)));
    if (state.kind !== "ok" || state.value.kind !== "neg") return { namer, state };
  }
  return unknown;
}

/** The entries that match a name; a dtab never changes, so they are looked for once. */
export class Rewrites {
  readonly #dtab: Dtab;
  readonly #known = new Map<Path, readonly Match[]>();

  constructor(dtab: Dtab) {
    this.#dtab = dtab;
  }

  of(path: Path): readonly Match[] {
    const known = this.#known.get(path);
    if (known !== undefined) return known;
    const found = matches(this.#dtab, path);
    // Namers may lead to ever new names; what is kept has an end.
    if (this.#known.size >= maxLookupsInAll) this.#known.clear();
    this.#known.set(path, found);
    return found;
  }
}

/**
 * How far one evaluation of a name may go. Says why it went too far once: the first reason is
 * the one that people see, and a dtab that goes wrong goes wrong in thousands of places.
 */
export class Limits {
  #lookups = 0;
  #tooDeep: State<never> | null = null;
  #tooMuch: State<never> | null = null;

  reset(): void {
    this.#lookups = 0;
    this.#tooDeep = null;
    this.#tooMuch = null;
  }

  /** Called for every lookup; null: go on. */
  check(chain: LookupChain, depth: number, level: number): State<never> | null {
    if (depth >= maxLookups) return (this.#tooDeep ??= failed(tooManyLookups(chain)));
    if (++this.#lookups <= maxLookupsInAll && level <= maxLevels) return null;
    return (this.#tooMuch ??= failed(tooMuchWork(chain.path)));
  }
}

/** With the beginning of what the name went through. */
function tooManyLookups(chain: LookupChain): Failure {
  const steps: string[] = [];
  for (let step: LookupChain | null = chain; step !== null; step = step.parent)
    steps.push(step.path);
  const first = steps.toReversed().slice(0, 6);
  const dots = steps.length > first.length ? " -> ..." : "";
  return failure(
    "unbound",
    `Max recursion level reached. ${maxLookups} lookups did not end in an address: ` +
      `${first.join(" -> ")}${dots}; a dtab entry leads back to itself, change its right side`,
  );
}

function tooMuchWork(path: Path): Failure {
  return failure(
    "unbound",
    `${path} was given up: the dtab makes more of it than can be looked up ` +
      `(${maxLookupsInAll} names, trees ${maxLevels} deep); entries lead back to themselves`,
  );
}
