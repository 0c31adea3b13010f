// How a name is resolved, with all its alternatives: for `explain`, traces and /delegator.json.
import { showPrefix } from "../../core/names/dtab.ts";
import type { Dentry, Match } from "../../core/names/dtab.ts";
import { ok } from "../../core/live.ts";
import type { Live, State } from "../../core/live.ts";
import { showTree } from "../../core/names/nametree.ts";
import type { NameTree, Weighted } from "../../core/names/nametree.ts";
import type { Bound, Delegation, MountedNamer, Transformer } from "../../core/naming.ts";
import { join, root, startsWith } from "../../core/names/path.ts";
import type { Path } from "../../core/names/path.ts";
import { isBoundTree } from "./bound-tree.ts";
import { simplifyDelegation } from "./delegation.ts";
import { Budget } from "./budget.ts";
import type { Position } from "./budget.ts";
import { discovery, isLeftToNamers, lookUpInNamers, matchesOf } from "./lookup.ts";
import type { Dtabs } from "./lookup.ts";
import { computed } from "./tracker.ts";
import type { Tracker } from "./tracker.ts";
import { transformedLeaf, untransformed } from "./transform.ts";

/**
 * The delegation of a name: where `bind` stops at the first good alternative, this looks
 * at all of them. What is not known yet is a `pending` node. Fails only when the name
 * as a whole leads nowhere, as in a loop. Addresses stay watched while the delegation is.
 */
export function delegation(
  namers: readonly MountedNamer[],
  dtabs: Dtabs,
  path: Path,
  maxNodes: number,
): Live<Delegation> {
  const delegating = new Delegating(namers, dtabs, maxNodes);
  return computed((tracker) => delegating.delegate(path, tracker), never);
}

/** Addresses that changed are a change, though the delegation itself looks the same. */
const never = () => false;

type Rule = NonNullable<Delegation["dentry"]>;

/** The position of the walk: the last name looked up, and the rule that led there. */
interface Place extends Position {
  readonly path: Path;
  /** What the names of the current tree are followed by. */
  readonly residual: Path;
  /** Absent at the root, and below a namer that rewrites. */
  readonly rule: Rule | undefined;
  /** Of the namer that made the tree; null: the tree is a dtab's right side. */
  readonly transformers: readonly Transformer[] | null;
}

class Delegating {
  /** Without their transformers, when these can be shown as steps of their own. */
  readonly #namers: readonly MountedNamer[];
  readonly #transformers = new Map<MountedNamer, readonly Transformer[]>();
  readonly #dtabs: Dtabs;
  readonly #rules = new Map<Dentry, Rule>();
  readonly #maxNodes: number;
  readonly #budget = new Budget();
  #nodes = 0;

  constructor(namers: readonly MountedNamer[], dtabs: Dtabs, maxNodes: number) {
    this.#dtabs = dtabs;
    this.#maxNodes = maxNodes;
    this.#namers = namers.map((mounted) => {
      const inside = untransformed(mounted.namer);
      if (inside === null) return mounted;
      const plain = { id: mounted.id, namer: inside.namer };
      this.#transformers.set(plain, inside.transformers);
      return plain;
    });
  }

  delegate(path: Path, tracker: Tracker): State<Delegation> {
    this.#budget.reset();
    this.#nodes = 0;
    const position = { depth: 0, level: 0, isCallers: false, chain: null };
    const top = { ...position, path, residual: root, rule: undefined, transformers: null };
    const state = this.#path(path, top, tracker);
    return state.kind === "ok" ? ok(simplifyDelegation(state.value)) : state;
  }

  #path(path: Path, from: Place, tracker: Tracker): State<Delegation> {
    const matches = matchesOf(this.#dtabs, path);
    const exceeded =
      this.#payNode(path, 0, from) ?? this.#budget.lookUp(path, matches.visited, from);
    if (exceeded !== null) return exceeded;
    const place: Place = {
      path,
      residual: root,
      rule: from.rule,
      depth: from.depth + 1,
      level: from.level + 1,
      isCallers: from.isCallers,
      chain: { path, parent: from.chain },
      transformers: from.transformers,
    };
    const { entries, fromCaller } = matches;
    const entry = (match: Match, i: number) => this.#entry(match, i < fromCaller, place, tracker);
    if (entries.length > 1) return this.#alternatives(place, entries, entry);
    const [only] = entries;
    if (only === undefined) return this.#named(place, tracker);
    if (isLeftToNamers(matches)) {
      const named = this.#named(place, tracker);
      const isKnown = named.kind !== "ok" || named.value.type !== "neg";
      if (isKnown) {
        return this.#alternatives(place, [entry(only, 0), named], (state) => state);
      }
    }
    return step(place, entry(only, 0));
  }

  #entry(
    { dentry, residual }: Match,
    isFromCaller: boolean,
    at: Place,
    tracker: Tracker,
  ): State<Delegation> {
    const rule = this.#ruleOf(dentry);
    const isCallers = at.isCallers || isFromCaller;
    return this.#tree(
      dentry.dst,
      { ...at, rule, residual, isCallers, transformers: null },
      tracker,
    );
  }

  /** A node has the text of its path and of its rule, which its JSON repeats. */
  #payNode(path: Path, steps: number, at: Place): State<never> | null {
    this.#nodes++;
    const { rule } = at;
    const ruleLength = rule === undefined ? 0 : rule.prefix.length + rule.dst.length;
    return this.#budget.spend(steps, path.length + ruleLength, path, at);
  }

  #ruleOf(dentry: Dentry): Rule {
    let rule = this.#rules.get(dentry);
    if (rule === undefined) {
      rule = { prefix: showPrefix(dentry.prefix), dst: showTree(dentry.dst) };
      this.#rules.set(dentry, rule);
    }
    return rule;
  }

  #named(place: Place, tracker: Tracker): State<Delegation> {
    const found = lookUpInNamers(this.#namers, place.path, tracker, this.#budget, place);
    const { namer, state } = found;
    if (state.kind === "pending") {
      const waiting = node("pending", place);
      const { isLate, why } = state;
      return ok(isLate === true ? { ...waiting, isLate, ...(why && { why }) } : waiting);
    }
    if (state.kind === "failed") {
      const failure = exception(place, state.why.detail);
      return ok(state.isSoft === true ? { ...failure, isLate: true } : failure);
    }
    if (namer === null) return ok(this.#unknown(place));
    const transformers = this.#transformers.get(namer) ?? [];
    // Transformers apply to trees that are bound throughout.
    const applied = isBoundTree(state.value) ? transformers : [];
    return this.#tree(state.value, { ...place, transformers: applied }, tracker);
  }

  /** No dentry matches and no namer knows the name: says which of the two was wrong. */
  #unknown(place: Place): Delegation {
    const isAsked = this.#namers.some(({ id }) => startsWith(place.path, id));
    if (isAsked || place.path === root) return node("neg", place);
    if (!startsWith(place.path, discovery))
      return { ...node("neg", place), why: "no dentry matches" };
    const ids = this.#namers.flatMap(({ id }) => (startsWith(id, discovery) ? [id] : []));
    const there = ids.length === 0 ? "no namer is configured" : `there is ${ids.join(", ")}`;
    return { ...node("neg", place), why: `no namer has this prefix (${there})` };
  }

  #tree(tree: NameTree<Bound | Path>, place: Place, tracker: Tracker): State<Delegation> {
    if (tree.kind === "leaf") return this.#leaf(tree.value, place, tracker);
    const exceeded = this.#payNode(place.path, 1, place);
    if (exceeded !== null) return exceeded;
    const below = { ...place, level: place.level + 1 };
    switch (tree.kind) {
      case "neg":
        return ok(node("neg", place, place.transformers === null ? "~" : place.path));
      case "fail":
        return ok(node("fail", place, place.transformers === null ? "!" : place.path));
      case "empty":
        return ok(node("empty", place));
      case "alt":
        return this.#alternatives(place, tree.trees, (each) => this.#tree(each, below, tracker));
      case "union":
        return this.#union(tree.branches, place, below, tracker);
      default:
        return tree satisfies never;
    }
  }

  #leaf(value: Bound | Path, place: Place, tracker: Tracker): State<Delegation> {
    if (typeof value !== "string") {
      const exceeded = this.#payNode(place.path, 0, place) ?? this.#budget.bind(place.path, place);
      if (exceeded !== null) return exceeded;
      return ok(transformedLeaf(node("leaf", place), value, place.transformers ?? [], tracker));
    }
    const path = join(value, place.residual);
    if (place.transformers === null) return this.#path(path, place, tracker);
    const rewritten = this.#path(path, { ...place, rule: undefined }, tracker);
    return step(place, rewritten); // by a namer: its own name is a step, too
  }

  /** Several alternatives: one that leads nowhere does not take the others with it. */
  #alternatives<T>(
    place: Place,
    children: readonly T[],
    walk: (child: T, i: number) => State<Delegation>,
  ): State<Delegation> {
    const alt: Delegation[] = [];
    for (const [i, child] of children.entries()) {
      if (this.#isFull(place, i)) return ok({ ...node("alt", place), alt, isCut: true });
      alt.push(orException(place, walk(child, i)));
    }
    return ok({ ...node("alt", place), alt });
  }

  #union(
    branches: readonly Weighted<Bound | Path>[],
    place: Place,
    below: Place,
    tracker: Tracker,
  ): State<Delegation> {
    const union: { weight: number; tree: Delegation }[] = [];
    for (const { weight, tree } of branches) {
      if (this.#isFull(place, union.length)) {
        return ok({ ...node("union", place), union, isCut: true });
      }
      union.push({ weight, tree: orException(place, this.#tree(tree, below, tracker)) });
    }
    return ok({ ...node("union", place), union });
  }

  /** Whether what follows is left out. The first child is not: a node without any would mean `~`. */
  #isFull(place: Place, children: number): boolean {
    return children > 0 && (this.#nodes >= this.#maxNodes || this.#budget.isSpent(place));
  }
}

function node(type: Delegation["type"], place: Place, path: string = place.path): Delegation {
  return place.rule === undefined ? { type, path } : { type, path, dentry: place.rule };
}

function exception(place: Place, message: string): Delegation {
  return { ...node("exception", place), message };
}

function step(place: Place, child: State<Delegation>): State<Delegation> {
  return child.kind === "ok" ? ok({ ...node("delegate", place), delegate: child.value }) : child;
}

function orException(place: Place, state: State<Delegation>): Delegation {
  if (state.kind === "ok") return state.value;
  return state.kind === "failed" ? exception(place, state.why.detail) : node("pending", place);
}
