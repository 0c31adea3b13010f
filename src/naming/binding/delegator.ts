// How a name is resolved, with all its alternatives: for `explain`, traces and /delegator.json.
import { showPrefix } from "../../core/names/dtab.ts";
import type { Dentry, Dtab } from "../../core/names/dtab.ts";
import { ok } from "../../core/live.ts";
import type { Live, State } from "../../core/live.ts";
import { showTree } from "../../core/names/nametree.ts";
import type { NameTree } from "../../core/names/nametree.ts";
import type { Bound, Delegation, MountedNamer, Transformer } from "../../core/naming.ts";
import { pathLiteral, root, startsWith } from "../../core/names/path.ts";
import type { Path } from "../../core/names/path.ts";
import { isBoundTree } from "./bound-tree.ts";
import { simplifyDelegation } from "./delegation.ts";
import * as names from "./lookup.ts";
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
  dtab: Dtab,
  path: Path,
): Live<Delegation> {
  const delegating = new Delegating(namers, dtab);
  return computed((tracker) => delegating.delegate(path, tracker), never);
}

/** Addresses that changed are a change, though the delegation itself looks the same. */
const never = () => false;

/** Where configured namers are. */
const discovery = pathLiteral("/#");

type Rule = NonNullable<Delegation["dentry"]>;

/** The position of the walk: the last name looked up, and the rule that led there. */
interface Place {
  readonly path: Path;
  /** Absent at the root, and below a namer that rewrites. */
  readonly rule: Rule | undefined;
  readonly depth: number;
  readonly level: number;
  readonly chain: names.LookupChain | null;
  /** Of the namer that made the tree; null: the tree is a dtab's right side. */
  readonly transformers: readonly Transformer[] | null;
}

class Delegating {
  /** Without their transformers, when these can be shown as steps of their own. */
  readonly #namers: readonly MountedNamer[];
  readonly #transformers = new Map<MountedNamer, readonly Transformer[]>();
  readonly #rewrites: names.Rewrites;
  readonly #limits = new names.Limits();

  constructor(namers: readonly MountedNamer[], dtab: Dtab) {
    this.#rewrites = new names.Rewrites(dtab);
    this.#namers = namers.map((mounted) => {
      const inside = untransformed(mounted.namer);
      if (inside === null) return mounted;
      const plain = { id: mounted.id, namer: inside.namer };
      this.#transformers.set(plain, inside.transformers);
      return plain;
    });
  }

  delegate(path: Path, tracker: Tracker): State<Delegation> {
    this.#limits.reset();
    const top = { path, rule: undefined, depth: 0, level: 0, chain: null, transformers: null };
    const state = this.#path(path, top, tracker);
    return state.kind === "ok" ? ok(simplifyDelegation(state.value)) : state;
  }

  #path(path: Path, from: Place, tracker: Tracker): State<Delegation> {
    const chain = { path, parent: from.chain };
    const exceeded = this.#limits.check(chain, from.depth, from.level);
    if (exceeded !== null) return exceeded;
    const place = { ...from, path, depth: from.depth + 1, level: from.level + 1, chain };
    const found = this.#rewrites.of(path);
    const children = found.map(({ dentry, tree }) => () => {
      return this.#tree(tree, { ...place, rule: ruleOf(dentry), transformers: null }, tracker);
    });
    if (found.length > 1) return alternatives(place, children);
    const [only] = children;
    if (only === undefined) return this.#named(place, tracker);
    // A single entry that is `~` does not hide the namers.
    if (found[0]?.tree.kind === "neg") {
      const named = this.#named(place, tracker);
      const isKnown = named.kind !== "ok" || named.value.type !== "neg";
      if (isKnown) return alternatives(place, [only, () => named]);
    }
    return step(place, only());
  }

  #named(place: Place, tracker: Tracker): State<Delegation> {
    const { namer, state } = names.lookUpInNamers(this.#namers, place.path, tracker);
    if (state.kind === "pending") return ok(node("pending", place));
    if (state.kind === "failed") return ok(exception(place, state.why.detail));
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
    const there = ids.length === 0 ? "there is none" : `there is ${ids.join(", ")}`;
    return { ...node("neg", place), why: `no namer has this prefix (${there})` };
  }

  #tree(tree: NameTree<Bound | Path>, place: Place, tracker: Tracker): State<Delegation> {
    const below = { ...place, level: place.level + 1 };
    switch (tree.kind) {
      case "leaf":
        return this.#leaf(tree.value, place, tracker);
      case "neg":
        return ok(node("neg", place, place.transformers === null ? "~" : place.path));
      case "fail":
        return ok(node("fail", place, place.transformers === null ? "!" : place.path));
      case "empty":
        return ok(node("empty", place));
      case "alt":
        return alternatives(
          place,
          tree.trees.map((each) => () => this.#tree(each, below, tracker)),
        );
      case "union": {
        const union = tree.branches.map(({ weight, tree: each }) => {
          return { weight, tree: orException(place, this.#tree(each, below, tracker)) };
        });
        return ok({ ...node("union", place), union });
      }
      default:
        return tree satisfies never;
    }
  }

  #leaf(value: Bound | Path, place: Place, tracker: Tracker): State<Delegation> {
    if (typeof value !== "string") {
      return ok(transformedLeaf(node("leaf", place), value, place.transformers ?? [], tracker));
    }
    if (place.transformers === null) return this.#path(value, place, tracker);
    const rewritten = this.#path(value, { ...place, rule: undefined }, tracker);
    return step(place, rewritten); // by a namer: its own name is a step, too
  }
}

function ruleOf({ prefix, dst }: Dentry): Rule {
  return { prefix: showPrefix(prefix), dst: showTree(dst) };
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

/** Several alternatives: one that leads nowhere does not take the others with it. */
function alternatives(
  place: Place,
  children: readonly (() => State<Delegation>)[],
): State<Delegation> {
  return ok({
    ...node("alt", place),
    alt: children.map((child) => orException(place, child())),
  });
}

function orException(place: Place, state: State<Delegation>): Delegation {
  if (state.kind === "ok") return state.value;
  return state.kind === "failed" ? exception(place, state.why.detail) : node("pending", place);
}
