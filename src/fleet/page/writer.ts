// Writes the page of an instance that fleets read. See format.ts.
import type { TextPage } from "../../core/text-page.ts";
import { inChunks } from "../../telemetry/chunked-work.ts";
import type { Slice, Summary, WindowedHistogram } from "../../telemetry/histogram.ts";
import type { MetricsNode } from "../../telemetry/metrics.ts";
import { callKinds, endpointsPerRow, maxLineBytes } from "./format.ts";
import type { CallKind, CallRow, EndpointRow, InstanceHeader, SliceRow } from "./format.ts";
import type { EndpointFacts, ProblemFacts } from "../views/shapes.ts";

/** What the page shows beside metrics. */
export interface FleetPageFacts {
  readonly header: InstanceHeader;
  readonly problems: readonly ProblemFacts[];
  /** By router, in the header's order. */
  readonly endpoints: readonly (readonly ClientEndpoints[])[];
}

export interface ClientEndpoints {
  readonly client: string;
  readonly endpoints: readonly EndpointFacts[];
}

interface Scope {
  readonly kind: CallKind;
  readonly router: number;
  readonly name: string;
  readonly node: MetricsNode;
}

/** `root` is the root of the metrics; of latencies only slices behind `after` are written. */
export async function fleetPage(
  facts: FleetPageFacts,
  root: MetricsNode,
  after: number,
): Promise<TextPage> {
  const lines = new Lines();
  lines.add(facts.header);
  for (const problem of facts.problems) lines.add({ problem });
  await inChunks(scopesOf(facts.header, root), (scope) => {
    const row = callRow(scope, after);
    if (row !== null) lines.add(row);
  });
  await inChunks(endpointRows(facts), (row) => lines.add(row));
  lines.add({ end: lines.count });
  return lines.page();
}

class Lines {
  readonly #lines: string[] = [];
  #bytes = 0;

  get count(): number {
    return this.#lines.length;
  }

  /** What would be longer than a reader accepts is left out: no name and no text here is so long. */
  add(value: unknown): void {
    const line = `${JSON.stringify(value)}\n`;
    const bytes = Buffer.byteLength(line);
    if (bytes > maxLineBytes) return;
    this.#lines.push(line);
    this.#bytes += bytes;
  }

  page(): TextPage {
    return { maxBytes: this.#bytes, pieces: () => this.#lines };
  }
}

function* scopesOf({ routers }: InstanceHeader, root: MetricsNode): Iterable<Scope> {
  for (const [router, { label }] of routers.entries()) {
    const own = root.children.get("rt")?.children.get(label);
    for (const kind of callKinds) {
      // Scopes may come and go while the page is written.
      const scopes = Array.from(own?.children.get(kind)?.children ?? []);
      for (const [name, node] of scopes) {
        yield { kind, router, name: kind === "server" ? name : pathOf(name), node };
      }
    }
  }
}

/** Metrics leave out the slash in front of a path; the scope of all that found no room has none. */
function pathOf(name: string): string {
  return name.startsWith("/") || name.startsWith("(") ? name : `/${name}`;
}

/** null: nobody has called it yet. */
function callRow({ kind, router, name, node }: Scope, after: number): CallRow | null {
  const requests = numberAt(node, "requests");
  if (requests === 0) return null;
  const latency = node.children.get("request_latency_ms")?.metric;
  const histogram = latency?.kind === "histogram" ? latency : null;
  const { count, sum, atPercentile } = histogram?.summary() ?? nothing;
  return [
    kind,
    router,
    name,
    requests,
    numberAt(node, "success"),
    numberAt(node, "failures"),
    numberAt(node, "pending"),
    atPercentile[0] ?? 0,
    atPercentile[3] ?? 0,
    count,
    sum,
    kind === "service" ? slicesOf(histogram, after) : [],
  ];
}

const nothing: Pick<Summary, "count" | "sum" | "atPercentile"> = {
  count: 0,
  sum: 0,
  atPercentile: [],
};

function numberAt(node: MetricsNode, name: string): number {
  const metric = node.children.get(name)?.metric;
  if (metric?.kind === "counter") return metric.value;
  return metric?.kind === "gauge" ? metric.read() : 0;
}

function slicesOf(histogram: WindowedHistogram | null, after: number): SliceRow[] {
  return (histogram?.slicesAfter(after) ?? []).map(sliceRow);
}

function sliceRow({ number, sum, max, counts }: Slice): SliceRow {
  const row = [number, sum, max];
  for (const [bucket, count] of counts.entries()) if (count > 0) row.push(bucket, count);
  return row;
}

function* endpointRows({ endpoints }: FleetPageFacts): Iterable<readonly unknown[]> {
  for (const [router, clients] of endpoints.entries()) {
    for (const { client, endpoints: list } of clients) {
      for (let from = 0; from < list.length; from += endpointsPerRow) {
        yield [
          "endpoints",
          router,
          client,
          list.slice(from, from + endpointsPerRow).map(endpointRow),
        ];
      }
    }
  }
}

const maxErrorLength = 300;

function endpointRow({
  address,
  state,
  sinceMs,
  latencyMs,
  lastMinute,
  lastError,
}: EndpointFacts): EndpointRow {
  const row = [address, state, sinceMs, latencyMs, lastMinute?.requests, lastMinute?.successRate];
  return lastError === null ? row : [...row, lastError.at, lastError.text.slice(0, maxErrorLength)];
}
