// Host names to IP addresses: one poll a name, however many watch it, as long as one does.
import { lookup } from "node:dns";
import { domainToASCII } from "node:url";
import type { Clock, Close } from "../../core/clock.ts";
import { failure } from "../../core/failure.ts";
import { constant, failed, ok } from "../../core/live.ts";
import type { State } from "../../core/live.ts";
import type { Log } from "../../core/log.ts";
import type { HostResolver } from "../../core/naming.ts";
import { canonicalIp } from "./ip.ts";
import { SharedLives } from "../shared-lives.ts";

/** The answer to one question: addresses, or why there are none. */
export type HostLookupResult =
  | { readonly kind: "addresses"; readonly addresses: readonly string[] }
  | { readonly kind: "unknown" } // the name does not exist
  | { readonly kind: "error"; readonly detail: string };

/** Asks once, calls back once, never at once. */
export type LookUpHost = (host: string, answer: (answer: HostLookupResult) => void) => void;

/** Finagle's; the TTL of the records is not known to the system's resolver. */
const defaultIntervalMs = 5_000;

/** All addresses of both families, in the system's order, hosts file included. */
export const systemLookup: LookUpHost = (host, answer) => {
  lookup(host, { all: true, verbatim: true }, (error, found) => {
    if (error === null) {
      answer({ kind: "addresses", addresses: found.map(({ address }) => address) });
    } else if (error.code === "ENOTFOUND" || error.code === "ENODATA") {
      answer({ kind: "unknown" });
    } else {
      answer({ kind: "error", detail: error.message });
    }
  });
};

/**
 * Asks again `intervalMs` after each answer. An answer that is none is logged once; the last
 * good one stays.
 */
export function hostResolver(
  clock: Clock,
  log: Log,
  ask: LookUpHost = systemLookup,
  intervalMs: number = defaultIntervalMs,
): HostResolver {
  const polled = new SharedLives<readonly string[]>();
  return {
    resolve(host) {
      const literal = canonicalIp(host);
      if (literal !== null) return constant(ok([literal]));
      const key = domainToASCII(host.toLowerCase());
      if (key === "" || key.length > 253) return constant(ok([])); // names come from callers, too
      return polled.get(key, (set) => poll(key, set, { clock, log, ask, intervalMs }));
    },
  };
}

interface Poll {
  readonly clock: Clock;
  readonly log: Log;
  readonly ask: LookUpHost;
  readonly intervalMs: number;
}

const nothing: Close = () => {};

function poll(host: string, set: (state: State<readonly string[]>) => void, how: Poll): Close {
  let isStopped = false;
  let good: readonly string[] | null = null;
  let trouble = "";
  let cancel = nothing;
  const onAnswer = (answer: HostLookupResult) => {
    if (isStopped) return;
    cancel = how.clock.after(how.intervalMs, ask);
    const addresses = answer.kind === "addresses" ? distinct(answer.addresses) : [];
    if (addresses.length > 0) {
      trouble = "";
      if (good !== null && isSame(good, addresses)) return;
      good = addresses;
      set(ok(addresses));
      return;
    }
    const problem = answer.kind === "error" ? answer.detail : "the name does not exist";
    if (problem === trouble) return;
    trouble = problem;
    how.log.warn({ event: "host lookup failed", host, problem, kept: good });
    if (good === null) set(answer.kind === "error" ? failed(why(host, problem, how)) : ok([]));
  };
  const ask = () => how.ask(host, onAnswer);
  ask();
  return () => {
    isStopped = true;
    cancel();
  };
}

function why(host: string, problem: string, how: Poll) {
  return failure(
    "unresolved",
    `the host name ${host} could not be looked up: ${problem}; asking again every ${how.intervalMs / 1_000} s`,
  );
}

function distinct(addresses: readonly string[]): string[] {
  return [...new Set(addresses.map((address) => canonicalIp(address) ?? address))];
}

/** The order does not count: resolvers rotate it. */
function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((address) => b.includes(address));
}
