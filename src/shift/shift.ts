// Moves the calls of a name from one tree to another, step by step, and takes everything back when a condition holds.
import type { Clock } from "../core/clock.ts";
import { showTree } from "../core/names/nametree.ts";
import type { Path } from "../core/names/path.ts";
import { percent } from "./condition.ts";
import type { Condition, Measured, Sides } from "./condition.ts";
import { percentileOf } from "./exposition.ts";
import type { Totals } from "./exposition.ts";
import type { Proxies } from "./proxies.ts";
import { readState, stateNamespace, withoutState, withState } from "./state.ts";
import type { ShiftState } from "./state.ts";
import { changeDtab } from "./store.ts";
import type { DtabTarget } from "./store.ts";
import { dentryOf, isSameTree, originOf, treeAt, withDentry, withoutDentry } from "./weights.ts";
import type { Tree } from "./weights.ts";

export interface ShiftOptions {
  readonly namespace: string;
  readonly name: Path;
  readonly everyMs: number;
  /** null: nothing takes it back. */
  readonly abortIf: Condition | null;
  /** null: nobody is asked. */
  readonly proxies: Proxies | null;
  /** The condition counts only from so many calls of the new side on. */
  readonly minCalls: number;
  readonly clock: Clock;
  /** One line of progress. */
  say(line: string): void;
}

export type ShiftResult =
  | { readonly kind: "done" }
  | { readonly kind: "taken back"; readonly why: string }
  /** Nothing was changed, or not by this shift: what stands in the way, for people. */
  | { readonly kind: "refused"; readonly why: string }
  /** It was told to stop; it can be continued or taken back. */
  | { readonly kind: "stopped" };

/** How often the figures are looked at within a step. */
const lookEveryMs = 1_000;

/**
 * Writes down what is to be done, before the first step. A text says why it cannot begin. Rejects, with nothing
 * written, when a proxy cannot be asked.
 */
export async function beginShift(
  target: DtabTarget,
  { namespace, name, proxies }: Pick<ShiftOptions, "namespace" | "name" | "proxies">,
  to: Tree,
  steps: readonly number[],
): Promise<ShiftState | string> {
  const current = await target.get(namespace);
  if (current === null) return `${target.where} has no namespace ${namespace}`;
  const origin = originOf(current.dtab, name);
  if (origin === null) {
    return `the dtab of ${namespace} leads ${name} nowhere: add a dentry for it first (switchyard dtab edit)`;
  }
  if (isSameTree(origin.tree, to)) return `${name} goes to ${showTree(to)} already`;
  // A misspelt name would get no calls, and so no failures that take it back.
  if (proxies !== null && (await proxies.idsOf(to)).size === 0) {
    return `${showTree(to)} leads nowhere at the proxies of --admin: register it first, or correct --to. Nothing was changed`;
  }
  const state: ShiftState = {
    name,
    from: origin.tree,
    to,
    isAdded: !origin.hasDentry,
    steps,
    step: 0,
  };
  const written = await changeDtab(target, stateNamespace(namespace), (states) =>
    readState(states ?? [], name) === null
      ? withState(states ?? [], state)
      : `a shift of ${name} is under way: --resume continues it, --rollback takes it back`,
  );
  return typeof written === "string" ? written : state;
}

/** The shift that is under way; null: there is none. */
export async function shiftOf(
  target: DtabTarget,
  namespace: string,
  name: Path,
): Promise<ShiftState | null> {
  const states = await target.get(stateNamespace(namespace));
  return states === null ? null : readState(states.dtab, name);
}

/** Makes the steps that are left. Rejects when the store cannot be reached for long; the shift can then be resumed. */
export async function runShift(
  target: DtabTarget,
  state: ShiftState,
  options: ShiftOptions,
  signal: AbortSignal,
): Promise<ShiftResult> {
  const { name, say, proxies, abortIf } = options;
  const ids = proxies === null ? null : await idsOf(proxies, state);
  let current = state;
  // A shift that is resumed watches the step it had made before it makes another.
  let isFirst = state.step > 0;
  for (;;) {
    if (!isFirst) {
      if (current.step === current.steps.length) return finish(target, current, options);
      const made = await makeStep(target, current, options);
      if (typeof made === "string") return { kind: "refused", why: made };
      current = made;
      say(
        `${stamp(options.clock)} step ${current.step}/${current.steps.length}: ${weightsOf(current)}`,
      );
    }
    isFirst = false;
    const watched = await watchStep(ids, options, signal);
    if (signal.aborted) return { kind: "stopped" };
    if (watched.broken !== null) {
      const why = `${watched.broken} (--abort-if '${abortIf?.text}')`;
      const refused = await takeBack(target, current, options);
      return refused === null ? { kind: "taken back", why } : { kind: "refused", why: refused };
    }
    if (watched.sides !== null) say(`${stamp(options.clock)}   ${figuresOf(watched.sides)}`);
    else if (proxies === null) say(`${stamp(options.clock)}   ${name}: not watched`);
  }
}

/** Puts everything back as it was. A text says what stands in the way; then nothing was changed. */
export async function takeBack(
  target: DtabTarget,
  state: ShiftState,
  { namespace, say, clock }: Pick<ShiftOptions, "namespace" | "say" | "clock">,
): Promise<string | null> {
  const { name, from, isAdded } = state;
  const written = await changeDtab(target, namespace, (dtab) => {
    const problem = foreignEdit(dtab ?? [], state);
    if (problem !== null) return problem;
    if (isAdded) return withoutDentry(dtab ?? [], name);
    return withDentry(dtab ?? [], name, from);
  });
  if (typeof written === "string") return written;
  await forget(target, namespace, name);
  say(`${stamp(clock)} taken back: all calls of ${name} go to ${showTree(from)}`);
  return null;
}

async function idsOf(proxies: Proxies, { from, to }: ShiftState) {
  return { old: await proxies.idsOf(from), new: await proxies.idsOf(to) };
}

async function makeStep(
  target: DtabTarget,
  state: ShiftState,
  { namespace, name }: ShiftOptions,
): Promise<ShiftState | string> {
  const share = state.steps[state.step] ?? 100;
  const tree = treeAt(state.from, state.to, share);
  const next = { ...state, step: state.step + 1 };
  const written = await changeDtab(target, namespace, (dtab) => {
    // Died between its two writes: the dtab has this step already.
    if (isSameTree(dentryOf(dtab ?? [], name)?.dst, tree)) return dtab ?? [];
    return foreignEdit(dtab ?? [], state) ?? withDentry(dtab ?? [], name, tree);
  });
  if (typeof written === "string") return written;
  await changeDtab(target, stateNamespace(namespace), (states) => withState(states ?? [], next));
  return next;
}

/** Whether the name's dentry is the one that this shift wrote last, or found. */
function foreignEdit(dtab: Parameters<typeof dentryOf>[0], state: ShiftState): string | null {
  const { name, from, to, step, steps, isAdded } = state;
  const found = dentryOf(dtab, name)?.dst;
  if (step === 0 && isAdded && found === undefined) return null;
  const written = treeAt(from, to, step === 0 ? 0 : (steps[step - 1] ?? 100));
  // A step is written before it is written down.
  const next = treeAt(from, to, steps[step] ?? 100);
  if (isSameTree(found, written) || isSameTree(found, next)) return null;
  const shown = found === undefined ? "is gone" : `is ${showTree(found)} now`;
  return `somebody else has changed ${name}: its dentry ${shown}, and this shift wrote ${showTree(written)}. Nothing was changed; --forget drops the shift`;
}

async function finish(
  target: DtabTarget,
  state: ShiftState,
  { namespace, say, clock }: ShiftOptions,
): Promise<ShiftResult> {
  await forget(target, namespace, state.name);
  say(`${stamp(clock)} done: ${weightsOf(state)}`);
  return { kind: "done" };
}

/** Drops what is written down of a shift. */
export async function forget(target: DtabTarget, namespace: string, name: Path): Promise<void> {
  const states = stateNamespace(namespace);
  const left = await changeDtab(target, states, (dtab) => withoutState(dtab ?? [], name));
  if (Array.isArray(left) && left.length === 0) await target.remove(states);
}

interface Watched {
  /** null: nobody was asked. */
  readonly sides: Sides | null;
  readonly broken: string | null;
}

/** Until the step is over, the condition holds, or the signal comes. */
async function watchStep(
  ids: { readonly old: ReadonlySet<string>; readonly new: ReadonlySet<string> } | null,
  options: ShiftOptions,
  signal: AbortSignal,
): Promise<Watched> {
  const { proxies, abortIf, everyMs, minCalls, clock, say } = options;
  const endMs = clock.nowMs() + everyMs;
  const measure = ids === null ? null : (proxies?.meter(ids.old, ids.new) ?? null);
  let sides: Sides | null = null;
  let isBlind = false;
  for (;;) {
    if (measure !== null) {
      try {
        const totals = await measure();
        sides = { old: measured(totals.old), new: measured(totals.new) };
        isBlind = false;
      } catch (error) {
        // Without figures the step lasts: nobody could see that the new version is bad.
        if (!isBlind) say(`${stamp(clock)}   no figures, waiting: ${(error as Error).message}`);
        isBlind = true;
      }
      const counts = sides !== null && sides.new.calls >= minCalls;
      const broken = counts && sides !== null ? (abortIf?.broken(sides) ?? null) : null;
      if (broken !== null) return { sides, broken };
    }
    const leftMs = endMs - clock.nowMs();
    if ((leftMs <= 0 && !isBlind) || signal.aborted) return { sides, broken: null };
    await pause(clock, Math.min(lookEveryMs, Math.max(leftMs, isBlind ? lookEveryMs : 1)), signal);
  }
}

function measured(totals: Totals): Measured {
  const calls = totals.successes + totals.failures;
  return {
    calls,
    success: calls === 0 ? 1 : totals.successes / calls,
    percentile: (p) => percentileOf(totals, p),
  };
}

function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const stop = () => {
      cancel();
      resolve();
    };
    const cancel = clock.after(ms, () => {
      signal.removeEventListener("abort", stop);
      resolve();
    });
    signal.addEventListener("abort", stop, { once: true });
  });
}

const stamp = (clock: Clock): string => new Date(clock.wallMs()).toISOString().slice(11, 19);

export function weightsOf({ from, to, steps, step }: ShiftState): string {
  const share = step === 0 ? 0 : (steps[step - 1] ?? 100);
  return `${share} % to ${showTree(to)}, ${100 - share} % to ${showTree(from)}`;
}

function figuresOf({ old, new: side }: Sides): string {
  const show = (each: Measured) =>
    each.calls === 0
      ? "no calls"
      : `${each.calls} calls, success ${percent(each.success)}, p99 ${each.percentile(99).toFixed(1)} ms`;
  return `new: ${show(side)}; old: ${show(old)}`;
}
