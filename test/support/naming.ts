// What naming parts are given in tests: logs that are kept, hosts that are made up.
import type { Clock } from "../../src/core/clock.ts";
import { parseDtab } from "../../src/core/names/dtab.ts";
import type { Dtab } from "../../src/core/names/dtab.ts";
import { cell, constant, ok } from "../../src/core/live.ts";
import type { Cell, Live, State } from "../../src/core/live.ts";
import type { Log, LogEvent } from "../../src/core/log.ts";
import type { DialMessages, HostResolver, NamerDeps, NamingDeps } from "../../src/core/naming.ts";
import { pathLiteral } from "../../src/core/names/path.ts";
import type { Stats } from "../../src/core/stats.ts";
import { canonicalIp } from "../../src/naming/built-in/ip.ts";
import { simulatedClock } from "./clock.ts";

export interface KeptLog extends Log {
  readonly events: (LogEvent & { readonly level: string })[];
  /** Resolves with the next event. */
  next(): Promise<LogEvent>;
}

export function keptLog(): KeptLog {
  const events: KeptLog["events"] = [];
  let waiting: ((event: LogEvent) => void)[] = [];
  const keep = (level: string) => (event: LogEvent) => {
    events.push({ ...event, level });
    const heard = waiting;
    waiting = [];
    for (const resolve of heard) resolve(event);
  };
  return {
    events,
    next: () => new Promise((resolve) => waiting.push(resolve)),
    debug: keep("debug"),
    info: keep("info"),
    warn: keep("warn"),
    error: keep("error"),
  };
}

export const noStats: Stats = {
  counter: () => ({ value: 0 }),
  histogram: () => ({ record() {} }),
  gauge() {},
  tally() {},
  scope: () => noStats,
  rename() {},
  prune() {},
};

/** Literals are themselves; names are cells that the test sets. */
export function fakeHosts(): HostResolver & { cell(host: string): Cell<readonly string[]> } {
  const cells = new Map<string, Cell<readonly string[]>>();
  const cellOf = (host: string) => {
    const known = cells.get(host) ?? cell<readonly string[]>();
    cells.set(host, known);
    return known;
  };
  return {
    cell: cellOf,
    resolve(host): Live<readonly string[]> {
      const literal = canonicalIp(host);
      return literal === null ? cellOf(host) : constant(ok([literal]));
    },
  };
}

export function namingDeps(overrides: Partial<NamingDeps> = {}): NamingDeps {
  const clock: Clock = simulatedClock();
  return {
    clock,
    random: () => 0.5,
    log: keptLog(),
    stats: noStats,
    hosts: fakeHosts(),
    ...overrides,
  };
}

export function namerDeps(id: string, overrides: Partial<NamingDeps> = {}): NamerDeps {
  return { ...namingDeps(overrides), id: pathLiteral(id) };
}

export function dtabLiteral(text: string): Dtab {
  const parsed = parseDtab(text);
  if (!parsed.ok) throw new Error(parsed.error.message);
  return parsed.value;
}

const nothing = () => {};

/** Resolves with the first state, the one at hand included, that `isWanted`; rejects after 5 s. */
export function stateWhen<T>(
  live: Live<T>,
  isWanted: (state: State<T>) => boolean,
): Promise<State<T>> {
  const found = new Promise<State<T>>((resolve) => {
    let close = nothing;
    let isDone = false;
    const look = (state: State<T>) => {
      if (isDone || !isWanted(state)) return;
      isDone = true;
      close();
      resolve(state);
    };
    close = live.watch(look);
    look(live.state);
    if (isDone) close();
  });
  return stayingAlive(found);
}

/** Keeps the process alive for a promise that only watches of files can fulfil; 5 s at most. */
export async function stayingAlive<T>(promise: Promise<T>): Promise<T> {
  let tooLate: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    tooLate = setTimeout(() => reject(new Error("what was waited for did not come")), 5_000);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(tooLate);
  }
}

/** For interpreters that ask no name server. */
export const noMessages: DialMessages = () => {
  throw new Error("nothing should be dialled");
};
