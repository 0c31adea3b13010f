// Edges that were there a moment ago: a topology whose arrows vanish with the first failure explains nothing.
import type { Edge } from "./shapes.ts";

const keptMs = 60_000;
/** A drawing of more has no room for what is not there. */
const maxEdges = 2_000;

export class EdgeMemory {
  readonly #seen = new Map<string, { readonly edge: Edge; readonly atMs: number }>();

  /** The edges of now, and behind them those of the last minute that are gone. */
  withGone(edges: readonly Edge[], nowMs: number): readonly Edge[] {
    if (edges.length > maxEdges) {
      this.#seen.clear();
      return edges;
    }
    for (const edge of edges) {
      this.#seen.delete(edge.id);
      this.#seen.set(edge.id, { edge, atMs: nowMs });
    }
    const gone: Edge[] = [];
    for (const [id, { edge, atMs }] of this.#seen) {
      if (nowMs - atMs >= keptMs) this.#seen.delete(id);
      else if (atMs < nowMs) gone.push({ ...edge, goneMs: nowMs - atMs });
    }
    return [...edges, ...gone];
  }
}
