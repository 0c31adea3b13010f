// Reads the page of an instance as it arrives. See format.ts.
import { endpointOf, headerOf, isCount, isFields, problemOf } from "./checks.ts";
import { callKinds, fleetFormat } from "./format.ts";
import type { CallKind, CallRow, InstanceHeader, SliceRow } from "./format.ts";
import { LineCutter } from "./lines.ts";
import type { EndpointFacts, ProblemFacts } from "../views/shapes.ts";

/** Takes what a page says, line by line; rows come behind the header. */
export interface PageSink {
  header(header: InstanceHeader): void;
  problem(problem: ProblemFacts): void;
  calls(row: CallRow): void;
  endpoint(router: number, client: string, facts: EndpointFacts): void;
}

/** Services, clients, endpoints and problems of one instance; more are refused. */
const maxRows = 50_000;
const maxNameLength = 512;
/** Numbers of one row of a slice: a histogram has less than a thousand buckets. */
const maxSliceNumbers = 2_100;
const maxSlices = 16;

/** One page. A text says what is wrong with it; nothing is read behind that. */
export class PageReader {
  readonly #sink: PageSink;
  readonly #lines: LineCutter;
  #header: InstanceHeader | null = null;
  #count = 0;
  #endpointCount = 0;
  #hasEnded = false;

  constructor(sink: PageSink) {
    this.#sink = sink;
    this.#lines = new LineCutter((line) => this.#line(line));
  }

  /** The next piece of the page. */
  feed(chunk: Buffer): string | null {
    return this.#lines.feed(chunk);
  }

  /** No more will come. */
  end(): string | null {
    if (this.#header === null && !this.#lines.isWithinLine) return "the page is empty";
    if (this.#header === null) return "the page is not one of switchyard's";
    return this.#hasEnded ? null : "the page ends in the middle";
  }

  #line(line: string): string | null {
    if (this.#hasEnded) return "something follows the end of the page";
    const value = parsed(line);
    if (this.#header === null) return this.#first(value, line);
    this.#count += 1;
    if (this.#count > maxRows) return `the page has more than ${maxRows} rows`;
    return this.#row(value) ? null : `a row is malformed: ${excerpt(line)}`;
  }

  #first(value: unknown, line: string): string | null {
    const header = headerOf(value);
    if (header === null)
      return `the page is not one of switchyard's: it begins with ${excerpt(line)}`;
    if (header.switchyardFleet !== fleetFormat) {
      return (
        `the page has format ${header.switchyardFleet}, and this process reads format ${fleetFormat}: ` +
        "run the same version of switchyard on both sides"
      );
    }
    this.#header = header;
    this.#count = 1;
    this.#sink.header(header);
    return null;
  }

  /** Rows of a kind that this version does not know are skipped. */
  #row(value: unknown): boolean {
    if (isFields(value)) return this.#object(value);
    if (!Array.isArray(value)) return false;
    const [kind, router, name] = value as unknown[];
    if (typeof kind !== "string") return false;
    if (!isCount(router) || this.#header?.routers[router] === undefined) return false;
    if (typeof name !== "string") return false;
    if (kind === "endpoints") return this.#endpoints(router, name, value[3]);
    const known = callKinds.find((each) => each === kind);
    if (known === undefined) return true;
    const row = callRowOf(value, known, router, name);
    if (row !== null) this.#sink.calls(row);
    return row !== null;
  }

  #endpoints(router: number, client: string, rows: unknown): boolean {
    if (!Array.isArray(rows)) return false;
    for (const row of rows as unknown[]) {
      const facts = endpointOf(row);
      if (facts === null) return false;
      this.#sink.endpoint(router, client.slice(0, maxNameLength), facts);
    }
    this.#endpointCount += rows.length;
    return this.#endpointCount <= maxRows;
  }

  #object(value: Readonly<Record<string, unknown>>): boolean {
    if (value["end"] !== undefined) {
      this.#hasEnded = true;
      return value["end"] === this.#count - 1;
    }
    if (value["problem"] === undefined) return true;
    const problem = problemOf(value["problem"]);
    if (problem !== null) this.#sink.problem(problem);
    return problem !== null;
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function excerpt(line: string): string {
  return JSON.stringify(line.length > 60 ? `${line.slice(0, 60)}…` : line);
}

function callRowOf(
  value: readonly unknown[],
  kind: CallKind,
  router: number,
  name: string,
): CallRow | null {
  const numbers = value.slice(3, 11);
  const slices = value[11];
  if (numbers.length !== 8 || !numbers.every(isCount) || !Array.isArray(slices)) return null;
  if (slices.length > maxSlices || !slices.every(isSlice)) return null;
  const [requests = 0, successes = 0, failures = 0, pending = 0, ...recent] = numbers;
  const [p50 = 0, p99 = 0, count = 0, sum = 0] = recent;
  const short = name.slice(0, maxNameLength);
  return [
    kind,
    router,
    short,
    requests,
    successes,
    failures,
    pending,
    p50,
    p99,
    count,
    sum,
    slices,
  ];
}

function isSlice(value: unknown): value is SliceRow {
  return (
    Array.isArray(value) &&
    value.length >= 3 &&
    value.length <= maxSliceNumbers &&
    value.length % 2 === 1 &&
    value.every(isCount)
  );
}
