// The addresses on which this process listens, so that no name leads a call back into it.
import { networkInterfaces } from "node:os";
import type { Address } from "../core/address.ts";
import { isLoopback, showAddress } from "../core/address.ts";
import type { ListeningAt } from "../core/announcer.ts";
import { canonicalIp } from "../naming/built-in/ip.ts";

interface OwnListener extends ListeningAt {
  /** null: the admin server. */
  readonly router: string | null;
}

/**
 * Filled while the process starts. The admin server is closed to all names: it trusts whoever can
 * reach it, which must not include everybody who can call the proxy. A router's own servers are
 * closed to its names, since such a call would come back to the router that sent it.
 */
export class OwnListeners {
  readonly #listeners: OwnListener[] = [];

  /** Port 0 stands for one that the system has not chosen yet, and is ignored. */
  add({ host, port }: ListeningAt, router: string | null): void {
    if (port !== 0) this.#listeners.push({ host, port, router });
  }

  /** Why no name of `router` may lead to an address, as text; null: it may. */
  refusal(address: Address, router: string, allowSelfCalls: boolean): string | null {
    for (const listener of this.#listeners) {
      // Compared first: hardly any address has the port of an own listener.
      if (listener.port !== address.port || !reaches(address.host, listener.host)) continue;
      if (listener.router === null) {
        return `${showAddress(address)} is the admin server of this proxy, which no name may lead to`;
      }
      if (listener.router === router && !allowSelfCalls) {
        return (
          `${showAddress(address)} is a server of the router ${router} itself: the call would go round ` +
          "in circles (allowSelfCalls: true permits it)"
        );
      }
    }
    return null;
  }
}

/** Whether a connection to `target` may arrive at a listener bound to `bound`. Both are IP literals. */
function reaches(target: string, bound: string): boolean {
  const to = destinationOf(target);
  const at = plainIp(bound);
  if (at === "::") return isOwn(to);
  if (at === "0.0.0.0") return !to.includes(":") && isOwn(to);
  return to === at;
}

/** Where the system connects to: the unspecified addresses stand for this host. */
function destinationOf(target: string): string {
  const ip = plainIp(target);
  if (ip === "0.0.0.0") return "127.0.0.1";
  return ip === "::" ? "::1" : ip;
}

function isOwn(ip: string): boolean {
  if (isLoopback(ip)) return true;
  const interfaces = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
  return interfaces.some(({ address }) => plainIp(address) === ip);
}

/** One spelling for each address: no zone, and IPv4 even where it is mapped into IPv6. */
function plainIp(text: string): string {
  const ip = (canonicalIp(text) ?? text).replace(/%.*$/, "");
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(ip);
  return mapped?.[1] ?? ip;
}
