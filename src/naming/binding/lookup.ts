// Where names come from: the dtab first, then the configured namers, then what `/$/` offers.
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
export interface Trail {
  readonly path: Path;
  readonly before: Trail | null;
}

/** In the order they are asked: the last configured first, the built-in ones of `/$/` last. */
export function inOrder(
  configured: readonly MountedNamer[],
  builtIn: MountedNamer,
): readonly MountedNamer[] {
  return [...configured.toReversed(), builtIn];
}

/** What the namers say to a name, and which of them; null when none knows it. */
export interface Answer {
  readonly by: MountedNamer | null;
  readonly state: State<NameTree<Bound | Path>>;
}

const unknown: Answer = { by: null, state: ok(neg) };

/**
 * The first answer that is not `~`, of the namers whose prefix fits. Pending and failed answers
 * count as answers: the namers behind are not asked.
 */
export function askNamers(namers: readonly MountedNamer[], path: Path, tracker: Tracker): Answer {
  for (const by of namers) {
    if (!startsWith(path, by.id)) continue;
    const state = tracker.read(by, path, () => by.namer.lookup(without(path, by.id)));
    if (state.kind !== "ok" || state.value.kind !== "neg") return { by, state };
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
  check(trail: Trail, depth: number, level: number): State<never> | null {
    if (depth >= maxLookups) return (this.#tooDeep ??= failed(tooManyLookups(trail)));
    if (++this.#lookups <= maxLookupsInAll && level <= maxLevels) return null;
    return (this.#tooMuch ??= failed(tooMuchWork(trail.path)));
  }
}

/** With the beginning of what the name went through. */
function tooManyLookups(trail: Trail): Failure {
  const steps: string[] = [];
  for (let step: Trail | null = trail; step !== null; step = step.before) steps.push(step.path);
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
