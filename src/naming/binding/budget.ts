// How far one resolution may go: one budget of steps, bytes and depth for binding, delegation and
// explanation. Dtabs come from callers, too, and `/svc => /svc/b | /svc/c` has no end.
import { failure } from "../../core/failure.ts";
import type { Failure } from "../../core/failure.ts";
import { failed } from "../../core/live.ts";
import type { State } from "../../core/live.ts";
import type { Path } from "../../core/names/path.ts";

/** Lookups of a name in a row (Finagle's namerMaxDepth). */
const maxLookupsInRow = 100;
/** Lookups and trees within trees; each is two or three frames of a stack of some 10,000. */
const maxLevels = 1_000;

interface Limits {
  /** Names looked up and other nodes of trees. */
  readonly steps: number;
  /** Of all names looked up, and of all text in a delegation. */
  readonly bytes: number;
}

/**
 * For everything that comes of the operator's dtab: for large trees, such as 60 x 60 leaves, which
 * take some 4,000 to 15,000 steps.
 */
const ofBase: Limits = { steps: 20_000, bytes: 32 * 1024 * 1024 };
/** For everything that an entry of the caller's dtab leads to: a few milliseconds of work. */
const ofCaller: Limits = { steps: 1_000, bytes: 512 * 1024 };
/** A lookup in a configured namer may open a watch or a file: as much work as so many steps. */
export const stepsPerNamerLookup = 25;

/** The built-in namers take a name apart: as much work as looking up so many of its length. */
export const lengthsPerBuiltInLookup = 4;

/** Comparing a prefix of a dtab is as much work as so many bytes. */
const bytesPerPrefix = 32;

/** A leaf stays in memory as long as its name is in use, and callers may use many names. */
const stepsPerLeaf = 5;

/** The lookups that led to a name, the last first. */
export interface LookupChain {
  readonly path: Path;
  readonly parent: LookupChain | null;
}

/** Where a resolution stands. */
export interface Position {
  /** Lookups in a row so far; the root's is 0. */
  readonly depth: number;
  /** Lookups and nested trees so far. */
  readonly level: number;
  /** Whether an entry of the caller's dtab led here. */
  readonly isCallers: boolean;
  readonly chain: LookupChain | null;
}

/**
 * Spent by one resolution, which resets it before it begins. Each reason to stop is made once: the
 * first is the one that people see, and a dtab that goes wrong goes wrong in thousands of places.
 */
export class Budget {
  readonly #base = new Account(ofBase, "");
  readonly #callers = new Account(ofCaller, " of the caller's dtab");
  #tooDeep: State<never> | null = null;

  reset(): void {
    this.#base.reset();
    this.#callers.reset();
    this.#tooDeep = null;
  }

  /** Pays for looking up `path`, which compared so many prefixes; null: go on. */
  lookUp(path: Path, prefixes: number, at: Position): State<never> | null {
    const exceeded = this.spend(1, path.length + prefixes * bytesPerPrefix, path, at);
    return exceeded ?? (at.depth < maxLookupsInRow ? null : this.#tooDeepAt(path, at));
  }

  /** Pays for one node of a tree; null: go on. `path` is the name that the tree belongs to. */
  spend(steps: number, bytes: number, path: Path, at: Position): State<never> | null {
    const account = at.isCallers ? this.#callers : this.#base;
    return account.spend(steps, bytes, path, at.level > maxLevels);
  }

  /** Pays for a bound name in the result; null: go on. */
  bind(path: Path, at: Position): State<never> | null {
    return this.spend(at.isCallers ? stepsPerLeaf : 1, 0, path, at);
  }

  /** Whether it ran out: the name as a whole cannot be resolved. */
  get hasEnded(): boolean {
    return this.#base.isSpent || this.#callers.isSpent;
  }

  /** Whether nothing more may be resolved at this position. */
  isSpent(at: Position): boolean {
    return (at.isCallers ? this.#callers : this.#base).isSpent;
  }

  #tooDeepAt(path: Path, at: Position): State<never> {
    this.#tooDeep ??= failed(tooManyLookups({ path, parent: at.chain }));
    // Everybody who shows it repeats its text.
    return this.spend(0, longestReason, path, at) ?? this.#tooDeep;
  }
}

class Account {
  readonly #limits: Limits;
  readonly #whose: string;
  #steps = 0;
  #bytes = 0;
  #spent: State<never> | null = null;

  constructor(limits: Limits, whose: string) {
    this.#limits = limits;
    this.#whose = whose;
  }

  reset(): void {
    this.#steps = this.#bytes = 0;
    this.#spent = null;
  }

  get isSpent(): boolean {
    return this.#spent !== null;
  }

  spend(steps: number, bytes: number, path: Path, isNestedTooDeep: boolean): State<never> | null {
    if (this.#spent !== null) return this.#spent;
    this.#steps += steps;
    this.#bytes += bytes;
    const isWithin = this.#steps <= this.#limits.steps && this.#bytes <= this.#limits.bytes;
    if (isWithin && !isNestedTooDeep) return null;
    return (this.#spent = failed(this.#exceeded(path, isNestedTooDeep)));
  }

  #exceeded(path: Path, isNestedTooDeep: boolean): Failure {
    const { steps, bytes } = this.#limits;
    const limit = isNestedTooDeep
      ? `${thousands(maxLevels)} nested trees`
      : this.#steps > steps
        ? `${thousands(steps)} steps`
        : `${bytes / 1024} KiB of names`;
    return failure(
      "unbound",
      `resolution went past ${limit}${this.#whose} at ${shortened(path)}: its entries lead back to ` +
        "themselves or make too many names of one; change their right sides",
    );
  }
}

/** With the beginning of the chain of names. */
function tooManyLookups(chain: LookupChain): Failure {
  const names: string[] = [];
  for (let each: LookupChain | null = chain; each !== null; each = each.parent) {
    names.push(each.path);
  }
  const first = names.toReversed().slice(0, 6).map(shortened);
  const dots = names.length > first.length ? " -> ..." : "";
  return failure(
    "unbound",
    `Max recursion level reached. ${maxLookupsInRow} lookups did not end in an address: ` +
      `${first.join(" -> ")}${dots}; a dtab entry leads back to itself, change its right side`,
  );
}

const longestName = 60;
const longestReason = 700;

function shortened(path: string): string {
  return path.length <= longestName ? path : `${path.slice(0, longestName)}...`;
}

function thousands(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}
