// Which recorded calls somebody wants to see: read from a query, bounded, and matched against records.
import { showAddress } from "../address.ts";
import type { NotedAttempt } from "./ended-call.ts";
import type { CallView } from "./hub.ts";
import type { CallRecord } from "./record.ts";

export interface CallFilter {
  readonly router: string | null;
  /** A path: itself and all below it. */
  readonly name: string | null;
  /** The id of a bound name. */
  readonly client: string | null;
  /** `host:port` of any of its attempts. */
  readonly endpoint: string | null;
  readonly method: string | null;
  /** As in the record, or a class of HTTP's, such as `5xx`. */
  readonly status: string | null;
  /** true: those that failed; false: the others. */
  readonly failed: boolean | null;
  /** Calls that took so many milliseconds at least. */
  readonly minMs: number;
  /** A trace id in lower case: 32 digits, or the lower 16 as in `l5d-reqid`. */
  readonly trace: string | null;
}

const everyCall: CallFilter = {
  router: null,
  name: null,
  client: null,
  endpoint: null,
  method: null,
  status: null,
  failed: null,
  minMs: 0,
  trace: null,
};

/** What a page takes beyond the filter: the largest value of each. */
export type NumberLimits = Readonly<Record<string, number>>;

export interface CallQuery {
  readonly filter: CallFilter;
  /** Those of the given limits that the query has. */
  readonly numbers: Readonly<Record<string, number>>;
}

export interface QueryProblem {
  readonly problem: string;
}

/** No value is longer: names and ids are shorter than this. */
const maxValueChars = 512;

/** A code of HTTP, a class of codes, or a word of Thrift's or mux's. */
const statuses = /^(|\d{3}|[1-5]xx|[a-z][\w-]{0,31})$/i;

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** `numbers`: further parameters, whole numbers from 1 to the given limit. */
export function readCallQuery(
  parameters: Iterable<readonly [name: string, value: string]>,
  limits: NumberLimits,
): CallQuery | QueryProblem {
  const filter: Mutable<CallFilter> = { ...everyCall };
  const numbers: Record<string, number> = {};
  const seen = new Set<string>();
  for (const [name, value] of parameters) {
    if (seen.has(name)) return problem(`the parameter ${shown(name)} is given twice`);
    seen.add(name);
    const max = Object.hasOwn(limits, name) ? limits[name] : undefined;
    if (max !== undefined) {
      const number = wholeNumber(value, max);
      if (number === null) return problem(`expected ${name}=1..${max}, not ${shown(value)}`);
      numbers[name] = number;
      continue;
    }
    const why = readInto(filter, name, value);
    if (why === "unknown") return problem(unknown(name, limits));
    if (why !== null) return problem(why);
  }
  return { filter, numbers };
}

function readInto(filter: Mutable<CallFilter>, name: string, value: string): string | null {
  if (value.length > maxValueChars) {
    return `the parameter ${shown(name)} has ${value.length} characters, more than ${maxValueChars}`;
  }
  switch (name) {
    case "name":
    case "client":
      if (!/^(\/|$)/.test(value)) return expected(name, "a path, such as /svc/users", value);
      filter[name] = value === "" ? null : value;
      return null;
    case "router":
    case "endpoint":
    case "method":
      filter[name] = value === "" ? null : value;
      return null;
    case "status":
      if (!statuses.test(value)) return expected(name, "200, 5xx, error", value);
      filter.status = value === "" ? null : value.toLowerCase();
      return null;
    case "failed":
      if (!/^(true|false|)$/.test(value)) return expected(name, "true or false", value);
      filter.failed = value === "" ? null : value === "true";
      return null;
    case "minMs":
      if (!/^\d{0,9}(\.\d{1,6})?$/.test(value)) return expected(name, "milliseconds", value);
      filter.minMs = Number(value);
      return null;
    case "trace":
      if (!/^([0-9a-f]{16}|[0-9a-f]{32}|)$/i.test(value)) {
        return expected(name, "a trace id of 16 or 32 hexadecimal digits", value);
      }
      filter.trace = value === "" ? null : value.toLowerCase();
      return null;
    default:
      return "unknown";
  }
}

export function matchesCall(filter: CallFilter, record: CallRecord): boolean {
  const { router, name, client, endpoint, method, status, failed, minMs, trace } = filter;
  return (
    record.durationMs >= minMs &&
    (router === null || record.router === router) &&
    (name === null || isBelow(record.name, name)) &&
    (failed === null || (record.outcome === "failure") === failed) &&
    (client === null || record.attempts.some(({ bound }) => bound === client)) &&
    (endpoint === null || record.attempts.some((each) => each.endpoint === endpoint)) &&
    (method === null || record.method === method) &&
    (status === null || isStatus(record.status, status)) &&
    (trace === null || isTrace(record.trace?.traceId ?? null, trace))
  );
}

/** The same for a call without a record, apart from its router: what is cheap to know first. */
export function matchesEnded(filter: CallFilter, call: CallView): boolean {
  const { name, client, endpoint, method, status, failed, minMs, trace } = filter;
  if (call.durationMs < minMs) return false;
  if (failed !== null && (call.outcome === "failure") !== failed) return false;
  const { request } = call;
  if (name !== null && !isBelow(request?.logicalName ?? null, name)) return false;
  const last = request?.lastAttempt ?? null;
  if (client !== null && !someAttempt(last, ({ bound }) => bound?.id === client)) return false;
  if (endpoint !== null && !someAttempt(last, ({ address }) => showAddress(address) === endpoint))
    return false;
  if (method === null && status === null && trace === null) return true;
  const described = call.describe();
  return (
    (method === null || described.method === method) &&
    (status === null || isStatus(described.status, status)) &&
    (trace === null || isTrace(described.trace?.traceId ?? null, trace))
  );
}

function someAttempt(last: NotedAttempt | null, isIt: (attempt: NotedAttempt) => boolean): boolean {
  for (let each = last; each !== null; each = each.earlier) if (isIt(each)) return true;
  return false;
}

function isBelow(name: string | null, path: string): boolean {
  if (name === null) return false;
  const prefix = path.endsWith("/") ? path : `${path}/`;
  return name === path || name.startsWith(prefix);
}

function isStatus(status: string, wanted: string): boolean {
  if (/^[1-5]xx$/.test(wanted)) return status.length === 3 && status[0] === wanted[0];
  return status.toLowerCase() === wanted;
}

/** Ids of 64 and of 128 bits with the same lower half are one: peers may drop the upper half. */
function isTrace(traceId: string | null, wanted: string): boolean {
  if (traceId === null) return false;
  return traceId === wanted || (traceId.length !== wanted.length && sameLowerHalf(traceId, wanted));
}

function sameLowerHalf(a: string, b: string): boolean {
  return a.slice(-16) === b.slice(-16);
}

function wholeNumber(text: string, max: number): number | null {
  const number = /^[1-9]\d{0,8}$/.test(text) ? Number(text) : 0;
  return number >= 1 && number <= max ? number : null;
}

function expected(name: string, what: string, value: string): string {
  return `expected ${name}=${what}, not ${shown(value)}`;
}

function unknown(name: string, limits: NumberLimits): string {
  const known = [...Object.keys(everyCall), ...Object.keys(limits)].join(", ");
  return `there is no parameter ${shown(name)}; the parameters are ${known}`;
}

function problem(text: string): QueryProblem {
  return { problem: text };
}

/** Of what a caller sent: short, and on one line. */
function shown(text: string): string {
  return JSON.stringify(text.length > 64 ? `${text.slice(0, 64)}…` : text);
}
