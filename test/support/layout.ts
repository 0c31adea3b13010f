// Where files must stand, and how files hang together: the plan of a protocol folder, rooms that are not
// crowded, how deep the imports go, circles. Like the rules of architecture.ts, each gives one line a problem.
import path from "node:path";
import type { Sources } from "./architecture.ts";
import { importsOf } from "./source.ts";

/** What every protocol folder has on top: one role, one name. A folder of that name counts as well. */
export const protocolPlan = [
  "index",
  "kind",
  "keys",
  "message",
  "identifiers",
  "classifiers",
  "failures",
  "filters",
  "access-log",
  "stats",
] as const;

/** One line for each role that a protocol folder lacks. */
export function missingRoles(sources: Sources): string[] {
  const protocols = new Set(
    [...sources.keys()].flatMap((file) => /^protocols\/([^/]+)\//.exec(file)?.[1] ?? []),
  );
  return [...protocols].flatMap((name) =>
    protocolPlan
      .filter((role) => !sources.has(`protocols/${name}/${role}.ts`))
      .map((role) => `protocols/${name}/${role}.ts: every protocol folder has this file.`),
  );
}

/** `codec/` turns bytes into messages and back: it knows neither sockets nor what becomes of a message. */
export function codecLeaks(sources: Sources): string[] {
  return [...sources].flatMap(([file, source]) => {
    const home = /^protocols\/[^/]+\/codec\//.exec(file)?.[0].replace("codec/", "");
    if (home === undefined) return [];
    return importsOf(source).flatMap(({ specifier, line }) => {
      const target = targetOf(file, specifier);
      const isAbove = ["server/", "client/", "filters/", "filters.ts"].some((at) =>
        target.startsWith(home + at),
      );
      const isSocket = /^node:(net|tls|dgram|http2?|https)$/.test(specifier);
      if (!isAbove && !isSocket) return [];
      return [
        `${file}:${line}: a codec imports ${specifier}; it may know bytes and messages only.`,
      ];
    });
  });
}

const maxFiles = 20;

/** One line for each folder with more files than one can take in at a glance. */
export function crowdedFolders(sources: Sources): string[] {
  const counts = new Map<string, number>();
  for (const file of sources.keys()) {
    const folder = path.posix.dirname(file);
    counts.set(folder, (counts.get(folder) ?? 0) + 1);
  }
  return [...counts]
    .filter(([, count]) => count > maxFiles)
    .map(([folder, count]) => `${folder}: ${count} files, the limit is ${maxFiles}. Make a room.`);
}

/** Imports that are there when the program runs; types leave no trace. */
function runtimeImports(sources: Sources, within: string): Map<string, string[]> {
  const graph = new Map<string, string[]>();
  for (const [file, source] of sources) {
    if (!file.startsWith(within)) continue;
    const targets = importsOf(source)
      .filter(({ isDeferred }) => !isDeferred)
      .map(({ specifier }) => targetOf(file, specifier))
      .filter((target) => target.startsWith(within) && sources.has(target));
    graph.set(file, targets);
  }
  return graph;
}

/** Circles of files that need each other when the program runs; each as `a -> b -> a`. */
export function circles(sources: Sources): string[] {
  const graph = runtimeImports(sources, "");
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (file: string, trail: readonly string[]): void => {
    const at = trail.indexOf(file);
    if (at >= 0) found.push([...trail.slice(at), file].join(" -> "));
    if (at >= 0 || done.has(file)) return;
    for (const target of graph.get(file) ?? []) visit(target, [...trail, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  return found;
}

/**
 * How many floors the rooms of a folder have: 1 for a room that imports nothing of it. A room is a file
 * on top, or a folder with all that is in it.
 */
export function floorsOf(sources: Sources, folder: string): number {
  const roomOf = (file: string): string => /^[\w-]+/.exec(file.slice(folder.length))?.[0] ?? "";
  const below = new Map<string, Set<string>>();
  for (const [file, targets] of runtimeImports(sources, folder)) {
    const room = roomOf(file);
    const rooms = below.get(room) ?? new Set();
    for (const target of targets) if (roomOf(target) !== room) rooms.add(roomOf(target));
    below.set(room, rooms);
  }
  const heights = new Map<string, number>();
  const heightOf = (room: string): number => {
    const known = heights.get(room);
    if (known !== undefined) return known;
    heights.set(room, 1); // rooms that need each other stand on one floor
    const height = 1 + Math.max(0, ...[...(below.get(room) ?? [])].map(heightOf));
    heights.set(room, height);
    return height;
  };
  return Math.max(0, ...[...below.keys()].map(heightOf));
}

function targetOf(file: string, specifier: string): string {
  if (!specifier.startsWith(".")) return specifier;
  return path.posix.normalize(path.posix.join(path.posix.dirname(file), specifier));
}
