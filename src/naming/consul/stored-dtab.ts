// A dtab under a key of Consul's key-value store. Keeps the last good one when the text turns bad.
import { showAddress } from "../../core/address.ts";
import { failure } from "../../core/failure.ts";
import { failed, ok, pending } from "../../core/live.ts";
import type { Live, State } from "../../core/live.ts";
import { parseDtab, showDtab } from "../../core/names/dtab.ts";
import type { Dtab } from "../../core/names/dtab.ts";
import type { NamingDeps, SourceTrouble } from "../../core/naming.ts";
import { backoffRange } from "./backoff-range.ts";
import { computed } from "../binding/tracker.ts";
import type { Client } from "./api.ts";
import { querySlotsOf } from "./query-slots.ts";
import { storedTroubles } from "./troubles.ts";
import { pollToJson } from "./watch-json.ts";
import type { WatchDeps } from "./watch-spec.ts";
import { Watch } from "./watch.ts";
import type { DtabKeyConfig } from "./schema.ts";

/** A dtab, and the index at which its key was last written. */
export interface IndexedDtab {
  readonly dtab: Dtab;
  readonly index: number;
}

/** What stands under the key; null: there is no such key. */
type Stored = { readonly text: string; readonly index: number } | null;

/** What the watches of one interpreter or storage share. */
export function dtabWatchDeps(
  config: DtabKeyConfig,
  client: Client,
  { clock, random, log, stats, hosts }: NamingDeps,
): WatchDeps {
  const agent = showAddress(config);
  return {
    client,
    slots: querySlotsOf(agent, hosts),
    agent,
    resyncIntervalMs: config.resyncIntervalMs,
    backoff: backoffRange(config),
    clock,
    random,
    log,
    counts: { updates: stats.counter("updates"), errors: stats.counter("errors") },
  };
}

/** Reads while `live` is watched. */
export class StoredDtab {
  /** null: there is no such key. */
  readonly live: Live<IndexedDtab | null>;
  readonly #location: string;
  readonly #deps: WatchDeps;
  readonly #watch: Watch<Stored>;
  /** What was read last; undefined: nothing yet. */
  #read: Stored | undefined = undefined;
  #good: IndexedDtab | null | undefined = undefined;
  #problem: string | null = null;

  constructor(key: string, config: DtabKeyConfig, deps: WatchDeps) {
    this.#location = `the key ${key} at ${deps.agent}`;
    this.#deps = deps;
    this.#watch = new Watch<Stored>(
      {
        name: key,
        query: {
          kind: "key",
          key,
          datacenter: config.datacenter ?? null,
          consistency: config.readConsistencyMode,
        },
        read: readText,
        isSame: (a, b) => a === b || (a?.index === b?.index && a?.text === b?.text),
        absent: null,
        mayBeMissing: true,
        isBlocking: true,
        late: () => pending, // a dtab has no alternative
        unknown: (problem) =>
          failed(
            failure("unresolved", `the dtab in ${this.#location} could not be read: ${problem}`),
          ),
      },
      deps,
    );
    const { live } = this.#watch;
    this.live = computed((tracker) => {
      const state = tracker.read(live, "text", () => live);
      return state.kind === "ok" ? this.#take(state.value) : state;
    }, Object.is);
  }

  get isWatched(): boolean {
    return this.#watch.report.isRunning;
  }

  get staleMs(): number {
    return this.#watch.report.staleMs;
  }

  get report(): Readonly<Record<string, unknown>> {
    const dtab = this.#good?.dtab;
    return {
      key: this.#location,
      dtab: dtab === undefined ? null : showDtab(dtab),
      problem: this.#problem,
      poll: pollToJson(this.#watch.report),
    };
  }

  troubles(): readonly SourceTrouble[] {
    const isLastGoodKept = this.#good !== undefined;
    return storedTroubles(this.#location, this.#problem, this.#watch.report, isLastGoodKept);
  }

  close(): void {
    this.#watch.close();
  }

  #take(stored: Stored): State<IndexedDtab | null> {
    if (stored !== this.#read) this.#parse(stored);
    if (this.#good !== undefined) return ok(this.#good);
    const detail = this.#problem ?? `the dtab in ${this.#location} was not read`;
    return failed(failure("unresolved", detail));
  }

  #parse(stored: Stored): void {
    this.#read = stored;
    const { log } = this.#deps;
    const parsed = stored === null ? null : parseDtab(stored.text);
    if (parsed !== null && !parsed.ok) {
      this.#problem = `${this.#location} does not hold a dtab: ${parsed.error.message}`;
      const kept = this.#good?.dtab.length ?? null;
      log.warn({ event: "bad dtab", key: this.#location, problem: this.#problem, kept });
      return;
    }
    this.#problem = null;
    this.#good =
      stored === null || parsed === null ? null : { dtab: parsed.value, index: stored.index };
    const entries = this.#good?.dtab.length ?? 0;
    log.info({ event: "dtab read", key: this.#location, isMissing: stored === null, entries });
  }
}

/**
 * The body of a raw read is bytes, or undefined for an empty value; its index is when the key was last
 * written, which compare-and-set compares.
 */
function readText(body: unknown, index: number | null): { readonly value: Stored } | string {
  if (body !== undefined && !Buffer.isBuffer(body)) return "Consul's response is not text";
  return { value: { text: body?.toString("utf8") ?? "", index: index ?? 0 } };
}
