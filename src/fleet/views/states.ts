// How an instance stands, in one word and in a sentence.
import { showAddress } from "../../core/address.ts";
import { nameOf } from "../fleet.ts";
import type { Follower } from "../scrape/follower.ts";
import type { InstanceStateName } from "./shapes.ts";

export interface InstanceState {
  readonly name: InstanceStateName;
  readonly text: string;
  /** Wall time, in ms; null: not known. */
  readonly sinceMs: number | null;
}

export function stateOf({ state, model, unlistedMs }: Follower, nowMs: number): InstanceState {
  switch (state.name) {
    case "asked first":
      return { name: "not asked yet", text: "not asked yet", sinceMs: null };
    case "up": {
      const notReady = model.facts?.notReady ?? null;
      if (notReady !== null) return { name: "not ready", text: notReady, sinceMs: state.sinceMs };
      const left =
        unlistedMs === null ? "" : `, but not listed any more since ${ago(unlistedMs, nowMs)}`;
      return { name: "ready", text: `ready${left}`, sinceMs: state.sinceMs };
    }
    case "down": {
      const { why, sinceMs } = state;
      const isLeft = unlistedMs !== null;
      const text = isLeft
        ? `left ${ago(unlistedMs, nowMs)} ago, and ${why.text}`
        : `${why.text}, since ${ago(sinceMs, nowMs)}`;
      return { name: isLeft ? "left" : "down", text, sinceMs };
    }
    default:
      return state satisfies never;
  }
}

/** `rates-2 (127.0.0.1:9993)`; the address alone where there is no name. */
export function titleOf(follower: Follower): string {
  const address = showAddress(follower.target);
  const name = nameOf(follower);
  return name === address ? address : `${name} (${address})`;
}

/** `14 s`, `3 min`, `2 h`. */
export function ago(sinceMs: number, nowMs: number): string {
  const seconds = Math.max(0, Math.round((nowMs - sinceMs) / 1_000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}
