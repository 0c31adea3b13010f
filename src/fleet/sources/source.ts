// Where the instances of a fleet are listed.
import type { Close } from "../../core/clock.ts";
import type { Target } from "../scrape/follower.ts";

/** What a source says now. */
export interface Listing {
  /** null: not known; what was listed before counts. */
  readonly targets: readonly Target[] | null;
  /** Why it cannot say, or not all of it; null: it can. */
  readonly problem: string | null;
}

export interface Source {
  /** Such as `fleet.txt` or `/#/io.l5d.consul/dc1/switchyard-admin`. */
  readonly text: string;
  /** Calls back with what is listed, soon and after every change. */
  watch(changed: (listing: Listing) => void): Close;
}

/** The instances written in the configuration. */
export function listedSource(targets: readonly Target[]): Source {
  return {
    text: "fleet.instances",
    watch(changed) {
      changed({ targets, problem: null });
      return () => {};
    },
  };
}
