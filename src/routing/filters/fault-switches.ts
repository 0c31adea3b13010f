// The switches of fault injection: one for each client whose configuration has `faults`.
import type { Path } from "../../core/names/path.ts";
import type { Counter, Stats } from "../../core/stats.ts";

/** `faults` of a client, as configured or as changed while running. */
export interface FaultSetting {
  readonly isOn: boolean;
  readonly delayMs: number;
  /** Of all calls, 0 to 100. */
  readonly delayPercent: number;
  readonly abortPercent: number;
}

/** Of one cluster; read by its filter at each call. */
export interface FaultSwitch {
  readonly setting: FaultSetting;
  readonly delayed: Counter;
  readonly aborted: Counter;
}

export interface FaultView extends FaultSetting {
  readonly client: Path;
  readonly delayed: number;
  readonly aborted: number;
}

interface Entry extends FaultSwitch {
  setting: FaultSetting;
}

/** Changes are remembered for clients that come back, up to this many. */
const maxRemembered = 1_000;

/** All switches of a router. */
export class FaultSwitches {
  readonly #entries = new Map<Path, Entry>();
  readonly #changes = new Map<Path, Partial<FaultSetting>>();
  /** The latest change for all clients. */
  #forAll: Partial<FaultSetting> = {};

  /** For a new cluster with the scope `clientStats`; `close` when it closes. */
  open(client: Path, configured: FaultSetting, clientStats: Stats): FaultSwitch {
    const stats = clientStats.scope("faults");
    const entry: Entry = {
      setting: { ...configured, ...this.#forAll, ...this.#changes.get(client) },
      delayed: stats.counter("delayed"),
      aborted: stats.counter("aborted"),
    };
    stats.gauge(() => (entry.setting.isOn ? 1 : 0), "on");
    this.#entries.set(client, entry);
    return entry;
  }

  close(client: Path): void {
    this.#entries.delete(client);
  }

  /** null: for all clients that have `faults`, future ones included. Returns how many it concerns now. */
  change(client: Path | null, change: Partial<FaultSetting>): number {
    if (client === null) {
      this.#forAll = { ...this.#forAll, ...change };
      this.#changes.clear();
      for (const entry of this.#entries.values()) entry.setting = { ...entry.setting, ...change };
      return this.#entries.size;
    }
    const entry = this.#entries.get(client);
    if (entry === undefined) return 0;
    entry.setting = { ...entry.setting, ...change };
    const known = this.#changes.get(client);
    if (known === undefined && this.#changes.size >= maxRemembered) return 1;
    this.#changes.set(client, { ...known, ...change });
    return 1;
  }

  views(): readonly FaultView[] {
    return Array.from(this.#entries, ([client, { setting, delayed, aborted }]) => ({
      client,
      ...setting,
      delayed: delayed.value,
      aborted: aborted.value,
    }));
  }
}
