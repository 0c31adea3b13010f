// Whose address is it? Endpoints of one instance are the servers of another.
import { isLoopback } from "../../core/address.ts";
import { idOf } from "../fleet.ts";
import type { RouterModel } from "../model/instance.ts";
import type { Follower } from "../scrape/follower.ts";

export interface Listening {
  readonly follower: Follower;
  readonly router: RouterModel;
  /** Its scope below `server`: `127.0.0.1/4140`. */
  readonly server: string;
}

/** A loopback address means something else on every host. */
export class Listeners {
  readonly #byAddress = new Map<string, Listening>();

  constructor(followers: readonly Follower[]) {
    for (const follower of followers) {
      for (const router of follower.model.routers.values()) {
        for (const address of router.servers) this.#add(follower, router, address);
      }
    }
  }

  /** The instance that listens on an endpoint of `caller`; undefined: none that is known. */
  find(caller: Follower, address: string): Listening | undefined {
    return this.#byAddress.get(keyOf(caller, address));
  }

  #add(follower: Follower, router: RouterModel, address: string): void {
    const { host, port } = split(address);
    const listening = { follower, router, server: `${host}/${port}` };
    const isAny = host === "0.0.0.0" || host === "::";
    const reached = isAny ? [follower.target.host, "127.0.0.1", "::1"] : [host];
    for (const each of reached) {
      const key = keyOf(follower, each.includes(":") ? `[${each}]:${port}` : `${each}:${port}`);
      // Two that claim the same address cannot both be right; the one that responds is.
      const known = this.#byAddress.get(key);
      if (known === undefined || known.follower.state.name === "down") {
        this.#byAddress.set(key, listening);
      }
    }
  }
}

function keyOf({ target }: Follower, address: string): string {
  return isLoopback(split(address).host) ? `${target.host} ${address}` : address;
}

function split(address: string): { readonly host: string; readonly port: string } {
  const at = address.lastIndexOf(":");
  return { host: address.slice(0, at).replace(/^\[|\]$/g, ""), port: address.slice(at + 1) };
}

/** An instance whose figures are of now. */
export function isUp({ state }: Follower): boolean {
  return state.name === "up";
}

export function keyOfEndpoint(caller: Follower, address: string): string {
  return isLoopback(split(address).host) ? `${idOf(caller)} ${address}` : address;
}
