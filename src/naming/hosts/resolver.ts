// Host names to IP addresses: one poll per name and origin, however many watch it, while one does.
import { domainToASCII } from "node:url";
import type { Clock, Close } from "../../core/clock.ts";
import { failure } from "../../core/failure.ts";
import type { Failure } from "../../core/failure.ts";
import { constant, failed, ok } from "../../core/live.ts";
import type { State } from "../../core/live.ts";
import type { Log } from "../../core/log.ts";
import type { HostOrigin, HostResolver } from "../../core/naming.ts";
import { TokenBucket } from "../../core/pacing/token-bucket.ts";
import { canonicalIp } from "../built-in/ip.ts";
import { SharedLives } from "../shared-lives.ts";
import { hostsFile } from "./hosts-file.ts";
import { inLane } from "./lane.ts";
import { combinedLookup, dnsLookup, systemLookup } from "./lookup.ts";
import type { HostLookupResult, LookUpHost } from "./lookup.ts";
import { parseResolvConf } from "./resolv-conf.ts";
import { WatchedFile } from "./watched-file.ts";

/** Finagle's; the system's resolver does not give the TTL of records. */
const defaultIntervalMs = 5_000;

/** DNS queries of one origin at a time; they take no thread, only sockets. */
const maxQueries = 256;
/** Names of one origin that wait for their turn. */
const maxWaiting = 10_000;
/** Of the two threads that lookups in the system may take, one for each origin. */
const maxSystemLookups = 1;

/** Beyond these, what DNS says of a caller's name counts: the system takes seconds for some names. */
const maxCallersWaitingForSystem = 4;

type Lookups = Readonly<Record<HostOrigin, LookUpHost>>;

/** How names are looked up: what callers make up never delays what the configuration names. */
export function separateLookups(clock: Clock, dns: LookUpHost = systemsDns(clock)): Lookups {
  const known = hostsFile(clock);
  const lane = (maxSystemWaiting: number) =>
    combinedLookup(
      known,
      inLane(dns, maxQueries, maxWaiting),
      inLane(systemLookup, maxSystemLookups, maxSystemWaiting),
    );
  return { configured: lane(maxWaiting), callers: lane(maxCallersWaitingForSystem) };
}

function systemsDns(clock: Clock): LookUpHost {
  const resolvConf = new WatchedFile("/etc/resolv.conf", parseResolvConf, clock);
  return dnsLookup({ clock, searchList: () => resolvConf.value, servers: null });
}

/**
 * Looks names up again `intervalMs` after each result. A failed lookup is logged once; the last good
 * result stays.
 */
export function hostResolver(
  clock: Clock,
  log: Log,
  lookups: Lookups = separateLookups(clock),
  intervalMs: number = defaultIntervalMs,
): HostResolver {
  const polled = new SharedLives<readonly string[]>();
  const warn = limitedWarnings(clock, log);
  return {
    resolve(host, origin = "configured") {
      const literal = canonicalIp(host);
      if (literal !== null) return constant(ok([literal]));
      const key = domainToASCII(host.toLowerCase());
      if (key === "" || key.length > 253) return constant(ok([])); // names come from callers, too
      const poll = { clock, lookUp: lookups[origin], intervalMs, warn };
      return polled.get(`${origin} ${key}`, (set) => pollHost(key, set, poll));
    },
  };
}

type Warn = (host: string, problem: string, kept: readonly string[] | null) => void;

/** Callers invent names: of warnings in a row only some are logged. */
function limitedWarnings(clock: Clock, log: Log): Warn {
  const rate = new TokenBucket({ perSec: 1, burst: 20 });
  let omitted = 0;
  return (host, problem, kept) => {
    if (rate.take(clock.nowMs()) > 0) {
      omitted += 1;
      return;
    }
    const more = omitted === 0 ? {} : { omitted };
    log.warn({ event: "host lookup failed", host, problem, kept, ...more });
    omitted = 0;
  };
}

interface Poll {
  readonly clock: Clock;
  readonly lookUp: LookUpHost;
  readonly intervalMs: number;
  readonly warn: Warn;
}

const nothing: Close = () => {};

function pollHost(host: string, set: (state: State<readonly string[]>) => void, how: Poll): Close {
  let isStopped = false;
  let good: readonly string[] | null = null;
  let lastProblem = "";
  let cancel = nothing;
  const onResult = (result: HostLookupResult) => {
    if (isStopped) return;
    cancel = how.clock.after(how.intervalMs, lookUp);
    const addresses = result.kind === "addresses" ? distinct(result.addresses) : [];
    if (addresses.length > 0) {
      lastProblem = "";
      if (good !== null && isSame(good, addresses)) return;
      good = addresses;
      set(ok(addresses));
      return;
    }
    const problem = "detail" in result ? result.detail : "the name does not exist";
    if (problem === lastProblem) return;
    lastProblem = problem;
    how.warn(host, problem, good);
    if (good === null) set("detail" in result ? failed(unresolved(host, problem, how)) : ok([]));
  };
  const lookUp = () => {
    let isDone = false;
    const hurry = how.lookUp(host, (result) => {
      isDone = true;
      onResult(result);
    });
    if (!isDone) cancel = hurry;
  };
  lookUp();
  return () => {
    isStopped = true;
    cancel();
  };
}

function unresolved(host: string, problem: string, { intervalMs }: Poll): Failure {
  return failure(
    "unresolved",
    `the host name ${host} could not be looked up: ${problem}; the next lookup is in ${intervalMs / 1_000} s`,
  );
}

function distinct(addresses: readonly string[]): string[] {
  return [...new Set(addresses.map((address) => canonicalIp(address) ?? address))];
}

/** Resolvers rotate addresses, so their order does not count. */
function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((address) => b.includes(address));
}
