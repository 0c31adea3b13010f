// Looks names up: in the caller's dtab, the router's dtab, the configured namers, the built-in `/$/`.
import { collectMatches } from "../../core/names/dtab.ts";
import type { Dtab, Match } from "../../core/names/dtab.ts";
import { neg } from "../../core/names/nametree.ts";
import type { NameTree } from "../../core/names/nametree.ts";
import type { Bound, MountedNamer } from "../../core/naming.ts";
import { pathLiteral, startsWith, without } from "../../core/names/path.ts";
import type { Path } from "../../core/names/path.ts";
import { ok, yields } from "../../core/live.ts";
import type { State } from "../../core/live.ts";
import { lengthsPerBuiltInLookup, stepsPerNamerLookup } from "./budget.ts";
import type { Budget, Position } from "./budget.ts";
import type { Tracker } from "./tracker.ts";

/** The prefix of configured namers. */
export const discovery = pathLiteral("/#");

/** In the order of lookups: the last configured first, the built-in ones of `/$/` last. */
export function inOrder(
  configured: readonly MountedNamer[],
  builtIn: MountedNamer,
): readonly MountedNamer[] {
  return [...configured.toReversed(), builtIn];
}

/** The dtabs that a name is resolved with. */
export interface Dtabs {
  /** The operator's. */
  readonly base: Dtab;
  /** What the caller sent; its entries come after those of `base`, and win. */
  readonly local: Dtab;
}

/** The entries that match a name, in the order of their alternatives. */
export interface Matches {
  /** The first so many are the caller's. */
  readonly fromCaller: number;
  readonly entries: readonly Match[];
  /** How many prefixes were compared. */
  readonly visited: number;
}

export function matchesOf({ base, local }: Dtabs, path: Path): Matches {
  const entries: Match[] = [];
  let visited = collectMatches(local, path, entries);
  const fromCaller = entries.length;
  visited += collectMatches(base, path, entries);
  return { fromCaller, entries, visited };
}

/** A single entry that is `~` does not hide the namers; two such entries do. */
export function isLeftToNamers({ entries }: Matches): boolean {
  return entries.length === 0 || (entries.length === 1 && entries[0]?.dentry.dst.kind === "neg");
}

/** The state of a name and the namer it comes from; null when no namer knows the name. */
export interface NamerResult {
  readonly namer: MountedNamer | null;
  readonly state: State<NameTree<Bound | Path>>;
}

const unknown: NamerResult = { namer: null, state: ok(neg) };

/**
 * The first result that is not `~`, of the namers whose prefix matches. Pending and failed results
 * count, too: later namers are not asked, unless the first response is late.
 */
export function lookUpInNamers(
  namers: readonly MountedNamer[],
  path: Path,
  tracker: Tracker,
  budget: Budget,
  at: Position,
): NamerResult {
  let otherwise = unknown;
  for (const namer of namers) {
    if (!startsWith(path, namer.id)) continue;
    const exceeded = startsWith(namer.id, discovery)
      ? budget.spend(stepsPerNamerLookup, 0, path, at)
      : budget.spend(0, path.length * lengthsPerBuiltInLookup, path, at);
    if (exceeded !== null) return { namer, state: exceeded };
    const state = tracker.read(namer, path, () => namer.namer.lookup(without(path, namer.id)));
    if (yields(state)) otherwise = { namer, state };
    else if (state.kind !== "ok" || state.value.kind !== "neg") return { namer, state };
  }
  return otherwise;
}
