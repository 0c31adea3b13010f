// The Consul namer as a router uses it: watched names and their addresses.
import type { TestContext } from "node:test";
import * as v from "valibot";
import { ok } from "../../../src/core/live.ts";
import type { Live, State } from "../../../src/core/live.ts";
import { evaluate } from "../../../src/core/names/nametree.ts";
import type { NameTree } from "../../../src/core/names/nametree.ts";
import type { Bound, NamerDeps, NamingDeps, RunningNamer } from "../../../src/core/naming.ts";
import { pathLiteral } from "../../../src/core/names/path.ts";
import type { Address } from "../../../src/core/address.ts";
import { consul } from "../../../src/naming/namers/consul.ts";
import { isBoundTree } from "../../../src/naming/binding/bound-tree.ts";
import { computed } from "../../../src/naming/binding/tracker.ts";
import { keptLog, namingDeps, stateWhen } from "../../support/naming.ts";
import type { KeptLog } from "../../support/naming.ts";
import { realClock } from "../../support/real-clock.ts";

export interface OpenNamer {
  readonly namer: RunningNamer;
  readonly log: KeptLog;
  /** Watches a name until the test ends. */
  watch(name: string): WatchedName;
}

export interface WatchedName {
  /** `neg`, `pending`, `late`, `soft` (failed unless there is an alternative), `failed`, or the addresses in order, such as `127.0.0.1:8080 127.0.0.1:8081`. */
  readonly now: string;
  readonly addresses: readonly Address[];
  readonly bound: Bound | null;
  /** Resolves when that is so; rejects after 5 s. */
  is(expected: string): Promise<void>;
  /** How often it changed since the last time this was read. */
  changes(): number;
  close(): void;
}

/** A namer with these keys beside `kind`; `t` closes it. */
export function openNamer(
  t: TestContext,
  keys: Readonly<Record<string, unknown>>,
  overrides: Partial<NamingDeps> = {},
): OpenNamer {
  const config = v.parse(consul.schema, { kind: "io.l5d.consul", ...keys });
  const log = keptLog();
  const deps: NamerDeps = {
    ...namingDeps({ clock: realClock, random: Math.random, log, ...overrides }),
    id: pathLiteral("/#/io.l5d.consul"),
  };
  const namer = consul.create(config, deps);
  t.after(() => namer.close());
  return { namer, log, watch: (name) => watched(t, namer, name) };
}

function watched(t: TestContext, namer: RunningNamer, name: string): WatchedName {
  const tree = namer.lookup(pathLiteral(name));
  const live = addressesOf(tree);
  let changes = 0;
  const close = live.watch(() => (changes += 1));
  t.after(close);
  return {
    get now() {
      return shownState(live.state);
    },
    get addresses() {
      const { state } = live;
      return state.kind === "ok" && state.value !== "neg" ? state.value : [];
    },
    get bound() {
      const { state } = tree;
      if (state.kind !== "ok" || !isBoundTree(state.value)) return null;
      return evaluate(state.value)?.[0] ?? null;
    },
    async is(expected) {
      await stateWhen(live, (state) => shownState(state) === expected);
    },
    changes() {
      const counted = changes;
      changes = 0;
      return counted;
    },
    close,
  };
}

/** What a tree leads to: its one leaf's addresses, or `neg`. */
function addressesOf(tree: Live<NameTree<Bound | string>>): Live<readonly Address[] | "neg"> {
  return computed((tracker) => {
    const state = tracker.read(tree, "tree", () => tree);
    if (state.kind !== "ok") return state;
    const [leaf] = evaluate(state.value) ?? [];
    if (leaf === undefined || typeof leaf === "string") return ok("neg" as const);
    return tracker.read(leaf, "addresses", () => leaf.addresses);
  }, Object.is);
}

function shownState(state: State<readonly Address[] | "neg">): string {
  if (state.kind === "pending") return state.isLate === true ? "late" : "pending";
  if (state.kind === "failed") return state.isSoft === true ? "soft" : "failed";
  return shown(state.value);
}

function shown(addresses: readonly Address[] | "neg"): string {
  if (addresses === "neg") return "neg";
  return addresses.map(({ host, port }) => `${host}:${port}`).join(" ");
}

/** As much of `/namer_state` as tests look at. */
interface NameState {
  readonly state: { readonly running: boolean };
  readonly poll: {
    readonly mode: string;
    readonly error: string | null;
    readonly staleMs: number;
    readonly inDoubt?: string;
  };
}

/** What the namer says of one name; throws when it does not know it. */
export function stateOf(namer: RunningNamer, name: string): NameState {
  const state = namer.watchState?.()[name];
  if (state === undefined) throw new Error(`no state of ${name}`);
  return state as NameState;
}
