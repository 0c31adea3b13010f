// Where the boxes of a topology stand: callers on the left, those that they call one column further right.
import type { Edge, GroupedNode } from "../../src/fleet/views/shapes.ts";

export const boxWidth = 196;
export const boxHeight = 62;
const columnGap = 190;
const rowGap = 26;
const margin = 8;

export interface Box {
  readonly node: GroupedNode;
  /** The service behind a sidecar: drawn inside its box. */
  readonly behind: readonly GroupedNode[];
  readonly x: number;
  readonly y: number;
}

export interface Layout {
  readonly boxes: readonly Box[];
  readonly width: number;
  readonly height: number;
}

export function layoutOf(nodes: readonly GroupedNode[], edges: readonly Edge[]): Layout {
  const ids = new Set(nodes.map(({ id }) => id));
  const drawn = nodes.filter(({ behind }) => behind === null || !ids.has(behind));
  const known = new Set(drawn.map(({ id }) => id));
  const links = edges.filter(({ from, to }) => from !== to && known.has(from) && known.has(to));
  const columns = ordered(columnsOf(drawn, links), links);
  const rows = Math.max(1, ...columns.map((column) => column.length));
  const height = rows * (boxHeight + rowGap) - rowGap;
  const boxes = columns.flatMap((column, at) => {
    const own = column.length * (boxHeight + rowGap) - rowGap;
    return column.map((node, row): Box => {
      return {
        node,
        behind: nodes.filter(({ behind }) => behind === node.id),
        x: margin + at * (boxWidth + columnGap),
        y: margin + (height - own) / 2 + row * (boxHeight + rowGap),
      };
    });
  });
  const width = columns.length * (boxWidth + columnGap) - columnGap + 2 * margin;
  return { boxes, width, height: height + 2 * margin };
}

/** A node stands behind all its callers; calls that lead back in a circle do not count. */
function columnsOf(nodes: readonly GroupedNode[], links: readonly Edge[]): GroupedNode[][] {
  const callees = new Map<string, string[]>();
  for (const { from, to } of links) callees.set(from, [...(callees.get(from) ?? []), to]);
  const column = new Map<string, number>();
  const path = new Set<string>();
  const place = (id: string, at: number) => {
    if (path.has(id) || (column.get(id) ?? -1) >= at) return;
    column.set(id, at);
    path.add(id);
    for (const callee of callees.get(id) ?? []) place(callee, at + 1);
    path.delete(id);
  };
  const called = new Set(links.map(({ to }) => to));
  for (const { id } of nodes) if (!called.has(id)) place(id, 0);
  for (const { id } of nodes) if (!column.has(id)) place(id, 0);
  const columns: GroupedNode[][] = [];
  for (const node of nodes) (columns[column.get(node.id) ?? 0] ??= []).push(node);
  return Array.from(columns, (each) => each ?? []);
}

/** Each column in the order in which its callers stand, so that few lines cross. */
function ordered(columns: GroupedNode[][], links: readonly Edge[]): GroupedNode[][] {
  const byName = (a: GroupedNode, b: GroupedNode) => (a.name < b.name ? -1 : 1);
  const rows = new Map<string, number>();
  return columns.map((column) => {
    const rowOf = ({ id }: GroupedNode) => {
      const callers = links.filter(({ to }) => to === id).map(({ from }) => rows.get(from) ?? 0);
      return callers.length === 0 ? 0 : callers.reduce((sum, row) => sum + row, 0) / callers.length;
    };
    const sorted = column.toSorted((a, b) => rowOf(a) - rowOf(b) || byName(a, b));
    for (const [row, { id }] of sorted.entries()) rows.set(id, row);
    return sorted;
  });
}
