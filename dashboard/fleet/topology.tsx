// Who calls whom, drawn; the same as a table below, which is all that a phone shows.
import type { Edge, GroupedNode, GroupedTopology } from "../../src/fleet/views/shapes.ts";
import { address } from "../data/route.ts";
import { count, lasting, millis, percent, rate } from "../data/words.ts";
import { Table, type Column } from "../parts/table.tsx";
import { boxHeight, boxWidth, layoutOf, type Box } from "./layout.ts";

interface TopologyProps {
  readonly topology: GroupedTopology;
  /** The key of the pair of nodes that is open; null: none is. */
  readonly selected: string | null;
}

export function Topology({ topology, selected }: TopologyProps) {
  const { nodes, edges, leftOut, isGrouped } = topology;
  const open = edges.filter((edge) => pairOf(edge) === selected);
  return (
    <section>
      <h2>
        Who calls whom{" "}
        <small class="dim">
          last minute · calls/s, success, p99 · the wider the busier
          {isGrouped ? " · instances of one service are one box" : ""}
        </small>
      </h2>
      <Drawing nodes={nodes} edges={edges} selected={selected} />
      {open.map((edge) => (
        <EdgeDetail key={edge.id} edge={edge} nodes={nodes} />
      ))}
      <EdgeTable nodes={nodes} edges={edges} selected={selected} />
      {leftOut === 0 ? null : <p class="dim">{count(leftOut, "more edge")} with fewer calls.</p>}
    </section>
  );
}

/** Calls to somebody's own service are in its box. */
function isDrawn({ from, to }: Edge, boxes: ReadonlyMap<string, Box>): boolean {
  return from !== to && boxes.has(from) && boxes.has(to);
}

interface DrawingProps {
  readonly nodes: readonly GroupedNode[];
  readonly edges: readonly Edge[];
  readonly selected: string | null;
}

function Drawing({ nodes, edges, selected }: DrawingProps) {
  const { boxes, width, height } = layoutOf(nodes, edges);
  const byId = new Map(boxes.map((box) => [box.node.id, box]));
  const drawn = pairsOf(edges.filter((edge) => isDrawn(edge, byId)));
  return (
    <div class="topology scroll" tabIndex={0} role="region" aria-label="Topology">
      <svg
        viewBox={`0 0 ${width} ${height}`}
        width={width}
        height={height}
        role="img"
        aria-label={`${count(nodes.length, "node")} and ${count(drawn.length, "edge")}; the table below says the same`}
      >
        {drawn.map((pair) => (
          <PairLine
            key={pair.key}
            pair={pair}
            from={byId.get(pair.edges[0].from)!}
            to={byId.get(pair.edges[0].to)!}
            isOpen={pair.key === selected}
          />
        ))}
        {boxes.map((box) => (
          <NodeBox key={box.node.id} box={box} edges={edges} />
        ))}
      </svg>
    </div>
  );
}

/** All edges from one node to another: a line. */
interface Pair {
  readonly key: string;
  readonly edges: readonly [Edge, ...Edge[]];
}

function pairOf({ from, to }: Edge): string {
  return `${from} ${to}`;
}

function pairsOf(edges: readonly Edge[]): readonly Pair[] {
  const pairs = new Map<string, [Edge, ...Edge[]]>();
  for (const edge of edges) {
    const key = pairOf(edge);
    const known = pairs.get(key);
    if (known === undefined) pairs.set(key, [edge]);
    else known.push(edge);
  }
  return Array.from(pairs, ([key, each]) => ({ key, edges: each }));
}

interface PairLineProps {
  readonly pair: Pair;
  readonly from: Box;
  readonly to: Box;
  readonly isOpen: boolean;
}

function PairLine({ pair, from, to, isOpen }: PairLineProps) {
  const isForward = to.x > from.x;
  const [x1, y1] = [from.x + (isForward ? boxWidth : 0), from.y + boxHeight / 2];
  const [x2, y2] = [to.x + (isForward ? 0 : boxWidth), to.y + boxHeight / 2];
  const bend = isForward ? (x2 - x1) / 2 : -80;
  const path = `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
  const width = 1.5 + Math.min(7, 1.6 * Math.log10(1 + sumOf(pair).perSecond * 4));
  return (
    <a
      href={pairAddress(pair.key, isOpen)}
      class={`edge ${lookOf(pair)}${isOpen ? " open" : ""}`}
      aria-label={`${from.node.name} to ${to.node.name}: ${labelOf(pair)}`}
    >
      <title>{pair.edges.map(({ client }) => client).join(", ")}</title>
      <path class="hit" d={path} />
      <path class="line" d={path} stroke-width={width} />
      <text x={x1 + (x2 - x1) * 0.56} y={y1 + (y2 - y1) * 0.62 - 7} text-anchor="middle">
        {labelOf(pair)}
      </text>
    </a>
  );
}

function pairAddress(key: string, isOpen: boolean): string {
  return address("fleet", { pair: isOpen ? null : key });
}

/** Calls, share of successes and the slowest p99 of those that are there. */
function sumOf({ edges }: Pair) {
  const there = edges.filter(({ goneMs }) => goneMs === null);
  const perSecond = there.reduce((sum, each) => sum + (each.perSecond ?? 0), 0);
  const good = there.reduce(
    (sum, each) => sum + (each.perSecond ?? 0) * (each.successRate ?? 1),
    0,
  );
  const p99 = Math.max(-1, ...there.map(({ callerP99Ms }) => callerP99Ms ?? -1));
  return { perSecond, success: perSecond > 0 ? good / perSecond : null, p99: p99 < 0 ? null : p99 };
}

function isBad({ state, successRate, goneMs }: Edge): boolean {
  const isEjected = state === "ejected" || state === "probing";
  return goneMs === null && (isEjected || (successRate ?? 1) < 0.99);
}

function lookOf(pair: Pair): string {
  if (pair.edges.every(({ goneMs }) => goneMs !== null)) return "gone";
  if (pair.edges.some(isBad)) return "bad";
  return sumOf(pair).perSecond === 0 ? "idle" : "good";
}

function labelOf(pair: Pair): string {
  const { edges } = pair;
  const { perSecond, success, p99 } = sumOf(pair);
  const goneMs = Math.min(...edges.map((edge) => edge.goneMs ?? -1));
  if (goneMs >= 0) return `gone ${lasting(goneMs)} ago`;
  const ejected = edges.find(({ state, goneMs: gone }) => state === "ejected" && gone === null);
  const figures = `${rate(perSecond)} · ${percent(success)}`;
  if (ejected !== undefined) return `${figures} · ejected`;
  return perSecond === 0 ? "idle" : `${figures} · ${millis(p99)} ms`;
}

function NodeBox({ box, edges }: { readonly box: Box; readonly edges: readonly Edge[] }) {
  const { node, behind, x, y } = box;
  const { state, stateText, name, incoming, id } = node;
  const isDown = state === "down" || state === "left";
  const look = isDown ? "down" : state === "not ready" ? "unready" : node.kind;
  const own = behind.map(({ id: to }) => edges.find((edge) => edge.from === id && edge.to === to));
  const below = isDown ? stateText : inside(behind, own);
  return (
    <g class={`box ${look}`}>
      <title>{`${name}: ${stateText}`}</title>
      <rect x={x} y={y} width={boxWidth} height={boxHeight} rx={5} />
      <text class="name" x={x + 12} y={y + 20}>
        {short(name, 26)}
      </text>
      <text class="dim" x={x + 12} y={y + 36}>
        {node.kind === "outside" ? "outside the fleet" : `${rate(incoming.perSecond)} calls/s in`}
      </text>
      <text
        class={own.some((edge) => edge && isBad(edge)) || isDown ? "bad" : "dim"}
        x={x + 12}
        y={y + 52}
      >
        {short(below, 28)}
      </text>
    </g>
  );
}

/** The service that a sidecar calls for others. */
function inside(behind: readonly GroupedNode[], edges: readonly (Edge | undefined)[]): string {
  const busiest = edges
    .filter((edge) => edge !== undefined)
    .sort((a, b) => (b.perSecond ?? 0) - (a.perSecond ?? 0))[0];
  if (busiest === undefined) return "";
  const more = behind.length > 1 ? ` +${behind.length - 1}` : "";
  const [first] = busiest.endpoints;
  return `→ ${first?.address ?? busiest.client}${more} ${percent(busiest.successRate)}`;
}

function short(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

const columns: readonly Column[] = [
  { head: "caller", isText: true },
  { head: "callee", isText: true },
  { head: "by the name", isText: true, isWide: true },
  { head: "calls/s" },
  { head: "success" },
  { head: "p99 ms", title: "of the caller's client" },
  { head: "p99 there", isWide: true, title: "of the callee's server, over all its callers" },
  { head: "network ms", isWide: true, title: "mean of the callers less mean of the callees" },
  { head: "state", isText: true },
];

function EdgeTable({ nodes, edges, selected }: DrawingProps) {
  const behind = new Set(nodes.filter((node) => node.behind !== null).map(({ id }) => id));
  const rows = [
    ...edges.filter(({ to }) => !behind.has(to)),
    ...edges.filter(({ to }) => behind.has(to)),
  ];
  const names = new Map(nodes.map(({ id, name }) => [id, name]));
  const nameOf = (id: string) => names.get(id) ?? id;
  if (edges.length === 0) {
    return <p class="dim">No instance has called another one yet.</p>;
  }
  return (
    <Table label="Edges" columns={columns}>
      {rows.map((edge) => (
        <tr key={edge.id} class={pairOf(edge) === selected ? "chosen" : undefined}>
          <th scope="row" class="t whole">
            <a href={pairAddress(pairOf(edge), pairOf(edge) === selected)}>{nameOf(edge.from)}</a>
          </th>
          <td class="t">
            {behind.has(edge.to) ? (
              <span class="dim">its service {nameOf(edge.to).replace(/^.*(?=:\d+$)/, "")}</span>
            ) : (
              <>
                {nameOf(edge.to)}
                <span class="narrow m dim">{edge.client.replace(/^.*\//, "")}</span>
              </>
            )}
          </td>
          <td class="t m wide">{edge.client}</td>
          <td>{edge.perSecond === null ? "–" : rate(edge.perSecond)}</td>
          <td class={isBad(edge) ? "bad" : undefined}>{percent(edge.successRate)}</td>
          <td>{millis(edge.callerP99Ms)}</td>
          <td class="wide">{millis(edge.calleeP99Ms)}</td>
          <td class="wide">{network(edge.networkMs)}</td>
          <td class={isBad(edge) ? "t bad" : "t dim"}>
            {edge.goneMs === null ? edge.state : `gone ${lasting(edge.goneMs)} ago`}
          </td>
        </tr>
      ))}
    </Table>
  );
}

function network(ms: number | null): string {
  if (ms === null) return "–";
  return ms < 0.5 ? "< 1" : millis(Math.round(ms * 10) / 10);
}

interface EdgeDetailProps {
  readonly edge: Edge;
  readonly nodes: readonly GroupedNode[];
}

const endpointColumns: readonly Column[] = [
  { head: "endpoint", isText: true },
  { head: "state", isText: true },
  { head: "calls, 1 min" },
  { head: "success" },
  { head: "latency ms", title: "moving average" },
  { head: "last error", isText: true },
];

function EdgeDetail({ edge, nodes }: EdgeDetailProps) {
  const nameOf = (id: string) => nodes.find((node) => node.id === id)?.name ?? id;
  return (
    <div class="edge-detail">
      <h3>
        {nameOf(edge.from)} to {nameOf(edge.to)}{" "}
        <span class="dim">
          {edge.protocol}, router {edge.router}, client <code>{edge.client}</code>
        </span>
      </h3>
      <Table label="Endpoints of the edge" columns={endpointColumns}>
        {edge.endpoints.map((endpoint) => (
          <tr key={endpoint.address}>
            <th scope="row" class="t m">
              {endpoint.address}
            </th>
            <td class="t">
              {endpoint.state}{" "}
              <span class="dim">{endpoint.sinceMs === null ? "" : lasting(endpoint.sinceMs)}</span>
            </td>
            <td>{endpoint.lastMinute?.requests ?? "–"}</td>
            <td>{percent(endpoint.lastMinute?.successRate ?? null)}</td>
            <td>{millis(endpoint.latencyMs)}</td>
            <td class="t wrap">{endpoint.lastError?.text ?? ""}</td>
          </tr>
        ))}
      </Table>
      <p class="links">
        <a href={address("fleet", { view: "calls", endpoint: edge.endpoints[0]?.address })}>
          its calls
        </a>
        <a href={address("fleet")}>close</a>
      </p>
    </div>
  );
}
