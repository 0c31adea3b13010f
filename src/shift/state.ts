// A shift that is under way, as a dtab: it lives in the store beside the dtab that it changes, so that it can be
// continued or taken back after its own death.
//
//   /to/svc/users    => where the calls go at the end
//   /from/svc/users  => where they went before
//   /added/svc/users => /yes when the dtab had no dentry of its own for the name, else /no
//   /steps/svc/users => /1/5/25/50/100, in percent
//   /step/svc/users  => /2: so many steps have been made
import { showPrefix } from "../core/names/dtab.ts";
import type { Dtab } from "../core/names/dtab.ts";
import { leaf } from "../core/names/nametree.ts";
import { join, pathOf, segmentsOf } from "../core/names/path.ts";
import type { Path } from "../core/names/path.ts";
import type { Tree } from "./weights.ts";

export interface ShiftState {
  readonly name: Path;
  readonly from: Tree;
  readonly to: Tree;
  /** The shift has added the name's dentry, and takes it away when it is taken back. */
  readonly isAdded: boolean;
  /** Percent, ascending; the last is 100 unless somebody wants to stay in between. */
  readonly steps: readonly number[];
  /** How many have been made: the dtab has the weights of `steps[step - 1]`; 0: none yet. */
  readonly step: number;
}

/** The namespace that holds the shifts of another one. */
export const stateNamespace = (namespace: string): string => `${namespace}-shifts`;

const fields = ["to", "from", "added", "steps", "step"] as const;

/** `dtab` with this state; what it says of other names stays. */
export function withState(dtab: Dtab, state: ShiftState): Dtab {
  const { name, from, to, isAdded, steps, step } = state;
  const values: Readonly<Record<(typeof fields)[number], Tree>> = {
    to,
    from,
    added: leaf(pathOf(isAdded ? "yes" : "no")),
    steps: leaf(pathOf(...steps.map(String))),
    step: leaf(pathOf(String(step))),
  };
  const own = fields.map((field) => ({
    prefix: segmentsOf(keyOf(field, name)),
    dst: values[field],
  }));
  return [...withoutState(dtab, name), ...own];
}

export function withoutState(dtab: Dtab, name: Path): Dtab {
  const keys = new Set(fields.map((field): string => keyOf(field, name)));
  return dtab.filter(({ prefix }) => !keys.has(showPrefix(prefix)));
}

/** null: no shift of the name is under way. */
export function readState(dtab: Dtab, name: Path): ShiftState | null {
  const valueOf = (field: (typeof fields)[number]): Tree | undefined =>
    dtab.find(({ prefix }) => showPrefix(prefix) === keyOf(field, name))?.dst;
  const to = valueOf("to");
  const from = valueOf("from");
  const steps = segmentsIn(valueOf("steps")).map(Number);
  const step = Number(segmentsIn(valueOf("step"))[0] ?? NaN);
  if (to === undefined || from === undefined || steps.length === 0 || Number.isNaN(step))
    return null;
  return { name, from, to, isAdded: segmentsIn(valueOf("added"))[0] === "yes", steps, step };
}

function keyOf(field: string, name: Path): Path {
  return join(pathOf(field), name);
}

function segmentsIn(tree: Tree | undefined): string[] {
  return tree?.kind === "leaf" ? segmentsOf(tree.value) : [];
}
