// Applies transformers to namers and interpreters, and shows their steps in a delegation.
import { constant, flatMap, ok } from "../../core/live.ts";
import type { Live } from "../../core/live.ts";
import { leaf } from "../../core/names/nametree.ts";
import type { NameTree } from "../../core/names/nametree.ts";
import type {
  Bound,
  Delegation,
  Interpreter,
  RunningNamer,
  Transformer,
} from "../../core/naming.ts";
import { segmentsOf } from "../../core/names/path.ts";
import type { Path } from "../../core/names/path.ts";
import { optionalPartsOf as interpreterParts } from "./optional-parts.ts";
import { isBoundTree } from "./bound-tree.ts";
import { computed } from "./tracker.ts";
import type { Tracker } from "./tracker.ts";

/** In the order of the file: the last one's id prefix is the outermost. */
function transformed(
  tree: Live<NameTree<Bound>>,
  transformers: readonly Transformer[],
): Live<NameTree<Bound>> {
  return transformers.reduce((live, transformer) => transformer.transform(live), tree);
}

/** The parts of a namer with transformers, so that a delegation can show each step. */
interface Inside {
  readonly namer: RunningNamer;
  readonly transformers: readonly Transformer[];
}

const insides = new WeakMap<object, Inside>();

/** The namer without its transformers, if these can be shown one leaf at a time. */
export function untransformed(namer: RunningNamer): Inside | null {
  const inside = insides.get(namer);
  return inside !== undefined && inside.transformers.every((each) => each.isLeafwise)
    ? inside
    : null;
}

/** Transforms the trees that are bound throughout; names to be looked up again pass as they are. */
export function transformNamer(
  namer: RunningNamer,
  transformers: readonly Transformer[],
): RunningNamer {
  if (transformers.length === 0) return namer;
  const wrapped: RunningNamer = {
    ...optionalPartsOf(namer),
    lookup: (path) =>
      flatMap(namer.lookup(path), (tree): Live<NameTree<Bound | Path>> => {
        if (!isBoundTree(tree)) return constant(ok(tree));
        return transformed(constant(ok(tree)), transformers);
      }),
    close: () => namer.close(),
  };
  insides.set(wrapped, { namer, transformers });
  return wrapped;
}

function optionalPartsOf(namer: RunningNamer): Partial<RunningNamer> {
  const { boundNames, watchState, troubles } = namer;
  return {
    ...(boundNames === undefined ? {} : { boundNames: () => boundNames.call(namer) }),
    ...(watchState === undefined ? {} : { watchState: () => watchState.call(namer) }),
    ...(troubles === undefined ? {} : { troubles: () => troubles.call(namer) }),
  };
}

/** Transforms all that an interpreter binds. Owns the interpreter. */
export function transformInterpreter(
  interpreter: Interpreter,
  transformers: readonly Transformer[],
): Interpreter {
  if (transformers.length === 0) return interpreter;
  return {
    ...interpreterParts(interpreter),
    bind: (dtab, path, local) => transformed(interpreter.bind(dtab, path, local), transformers),
    delegate: (dtab, path, options) =>
      computed(
        (tracker) => {
          const state = tracker.read(interpreter, path, () =>
            interpreter.delegate(dtab, path, options),
          );
          if (state.kind !== "ok") return state;
          return ok(shown(state.value, path, transformers, tracker));
        },
        () => false,
      ),
    close: () => interpreter.close(),
  };
}

/** A delegation whose leaves show the transformers' steps. */
function shown(
  delegation: Delegation,
  path: Path,
  transformers: readonly Transformer[],
  tracker: Tracker,
): Delegation {
  // A transformer that ignores the leaves (`const`) makes all before it pointless.
  const last = transformers.findLastIndex((transformer) => !transformer.isLeafwise);
  const constantly = transformers[last];
  if (constantly === undefined) return shownLeaves(delegation, transformers, tracker);
  const tree = transformedNode(constantly, null, path, tracker, (bound, at) =>
    transformedLeaf(leafNode(at), bound, transformers.slice(last + 1), tracker),
  );
  return { type: "transformation", path, name: nameOf(constantly), tree };
}

function shownLeaves(
  delegation: Delegation,
  transformers: readonly Transformer[],
  tracker: Tracker,
): Delegation {
  const inside = (below: Delegation) => shownLeaves(below, transformers, tracker);
  const { bound, delegate, alt, union, tree } = delegation;
  if (delegation.type === "leaf" && bound !== undefined) {
    return transformedLeaf(delegation, bound, transformers, tracker);
  }
  return {
    ...delegation,
    ...(delegate === undefined ? {} : { delegate: inside(delegate) }),
    ...(alt === undefined ? {} : { alt: alt.map(inside) }),
    ...(union === undefined
      ? {}
      : { union: union.map((branch) => ({ ...branch, tree: inside(branch.tree) })) }),
    ...(tree === undefined ? {} : { tree: inside(tree) }),
  };
}

/** A leaf, or the steps that transformers add behind it. Its addresses are watched from here on. */
export function transformedLeaf(
  node: Delegation,
  bound: Bound,
  transformers: readonly Transformer[],
  tracker: Tracker,
): Delegation {
  const [transformer, ...others] = transformers;
  if (transformer === undefined) {
    tracker.read(bound.addresses, "addresses", () => bound.addresses);
    return { ...node, bound };
  }
  const tree = transformedNode(transformer, bound, node.path, tracker, (next, path) =>
    transformedLeaf(leafNode(path), next, others, tracker),
  );
  return { ...node, type: "transformation", name: nameOf(transformer), bound, tree };
}

/** The node for one transformer's result; `bound` is null for one that ignores its input. */
function transformedNode(
  transformer: Transformer,
  bound: Bound | null,
  path: string,
  tracker: Tracker,
  onLeaf: (bound: Bound, path: string) => Delegation,
): Delegation {
  const state = tracker.read(transformer, bound ?? path, () =>
    transformer.transform(constant(ok(bound === null ? { kind: "neg" } : leaf(bound)))),
  );
  if (state.kind === "pending") return { type: "pending", path };
  if (state.kind === "failed") return { type: "exception", path, message: state.why.detail };
  return nodeOf(state.value, path, onLeaf);
}

function nodeOf(
  tree: NameTree<Bound>,
  path: string,
  onLeaf: (bound: Bound, path: string) => Delegation,
): Delegation {
  switch (tree.kind) {
    case "leaf":
      return onLeaf(tree.value, path);
    case "alt":
      return { type: "alt", path, alt: tree.trees.map((each) => nodeOf(each, path, onLeaf)) };
    case "union":
      return {
        type: "union",
        path,
        union: tree.branches.map(({ weight, tree: each }) => {
          return { weight, tree: nodeOf(each, path, onLeaf) };
        }),
      };
    default:
      return { type: tree.kind, path };
  }
}

function leafNode(path: string): Delegation {
  return { type: "leaf", path };
}

/** `/%/io.l5d.port/4141` is `io.l5d.port/4141`. */
function nameOf(transformer: Transformer): string {
  return segmentsOf(transformer.idPrefix).slice(1).join("/");
}
