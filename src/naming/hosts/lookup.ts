// One lookup of a host name: in DNS without a thread, in the system for names that DNS does not know.
import { lookup, Resolver } from "node:dns";
import type { Clock, Close } from "../../core/clock.ts";
import { candidates } from "./resolv-conf.ts";
import type { SearchList } from "./resolv-conf.ts";

/** Addresses, or why there are none. */
export type HostLookupResult =
  | { readonly kind: "addresses"; readonly addresses: readonly string[] }
  | { readonly kind: "unknown" } // the name does not exist
  | { readonly kind: "silent"; readonly detail: string } // no response in time
  | { readonly kind: "error"; readonly detail: string };

/**
 * Calls `done` exactly once, perhaps before it returns. The result hurries a lookup that is no longer
 * wanted; `done` is called all the same.
 */
export type LookUpHost = (host: string, done: (result: HostLookupResult) => void) => Close;

const nothing: Close = () => {};

/**
 * The system's resolver: hosts file, DNS, mDNS and whatever else is configured. Takes a thread of the
 * process's few until it is done, which may be long, and cannot be cancelled: use it in a lane.
 */
export const systemLookup: LookUpHost = (host, done) => {
  lookup(host, { all: true, verbatim: true }, (error, found) => {
    if (error === null) {
      done({ kind: "addresses", addresses: found.map(({ address }) => address) });
    } else if (isUnknown(error)) {
      done({ kind: "unknown" });
    } else {
      done({ kind: "error", detail: error.message });
    }
  });
  return nothing;
};

function isUnknown({ code }: NodeJS.ErrnoException): boolean {
  return code === "ENOTFOUND" || code === "ENODATA";
}

/** For each of one to three packets, doubled the second time. */
const packetTimeoutMs = 1_500;
/** For the whole of a lookup, with all names of the search list. */
const lookupTimeoutMs = 5_000;

interface DnsOptions {
  readonly clock: Clock;
  searchList(): SearchList;
  /** Such as `10.0.0.2` or `10.0.0.2:5353`; null: those of the system. */
  readonly servers: readonly string[] | null;
}

/** Queries DNS on sockets of its own: takes no thread, has a time limit, and can be cancelled. */
export function dnsLookup({ clock, searchList, servers }: DnsOptions): LookUpHost {
  return (host, done) => {
    // One a lookup: it reads the system's configuration as it is now, and cancels only itself.
    const resolver = new Resolver({ timeout: packetTimeoutMs, tries: 2 });
    if (servers !== null) resolver.setServers(servers);
    const names = candidates(host, searchList());
    let isOver = false;
    const finish = (result: HostLookupResult) => {
      if (isOver) return;
      isOver = true;
      stopTimer();
      resolver.cancel();
      done(result);
    };
    const give = (detail: string) => finish({ kind: "silent", detail });
    const stopTimer = clock.after(lookupTimeoutMs, () =>
      give(`no DNS server responded within ${lookupTimeoutMs / 1_000} s`),
    );
    const query = (i: number) => {
      queryBoth(resolver, names[i] ?? host, (result) => {
        if (isOver) return;
        if (result.kind === "unknown" && i + 1 < names.length) query(i + 1);
        else finish(result);
      });
    };
    query(0);
    return () => give("the lookup was cancelled");
  };
}

type Responded = (error: NodeJS.ErrnoException | null, addresses: readonly string[]) => void;

/** IPv4 and IPv6 together; one of them is enough. */
function queryBoth(
  resolver: Resolver,
  name: string,
  done: (result: HostLookupResult) => void,
): void {
  const found: (readonly string[])[] = [[], []];
  let failure: NodeJS.ErrnoException | null = null;
  let left = 2;
  const responded =
    (at: 0 | 1): Responded =>
    (error, addresses) => {
      if (error === null) found[at] = addresses;
      else if (!isUnknown(error)) failure ??= error;
      left -= 1;
      if (left > 0) return;
      const all = found.flat();
      if (all.length > 0) done({ kind: "addresses", addresses: all });
      else done(failure === null ? { kind: "unknown" } : failed(failure));
    };
  resolver.resolve4(name, responded(0));
  resolver.resolve6(name, responded(1));
}

function failed({ code, message }: NodeJS.ErrnoException): HostLookupResult {
  return code === "ETIMEOUT"
    ? { kind: "silent", detail: "no DNS server responded" }
    : { kind: "error", detail: message };
}

/**
 * First the hosts file, without any wait; then DNS; then the system, for names that only it knows. A
 * silent DNS is not asked again through the system, where it would hold up a thread.
 */
export function combinedLookup(
  known: (host: string) => readonly string[] | null,
  dns: LookUpHost,
  system: LookUpHost,
): LookUpHost {
  return (host, done) => {
    const addresses = known(host);
    if (addresses !== null) {
      done({ kind: "addresses", addresses });
      return nothing;
    }
    let hurry = nothing;
    let isHurried = false;
    hurry = dns(host, (result) => {
      if (result.kind === "addresses" || result.kind === "silent" || isHurried) {
        return done(result);
      }
      hurry = system(host, (other) => {
        const isBetter = other.kind === "addresses" || result.kind === "error";
        done(isBetter ? other : result);
      });
    });
    return () => {
      isHurried = true;
      hurry();
    };
  };
}
