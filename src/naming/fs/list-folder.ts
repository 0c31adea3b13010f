// Lists the files in a folder and below it; bounded, since it blocks the event loop.
import { opendirSync, statSync } from "node:fs";
import type { Dirent } from "node:fs";
import { join } from "node:path";
import { append, pathOf, segmentsOf } from "../../core/names/path.ts";
import type { Path } from "../../core/names/path.ts";

/** A link may lead back to its own folder. */
const maxDepth = 8;

export interface FolderNames {
  readonly names: readonly Path[];
  /** false: there are more files than the limit, or folders too deep. */
  readonly isComplete: boolean;
}

interface Listing {
  readonly names: Path[];
  /** Files and folders that may still be looked at. */
  entriesLeft: number;
  isComplete: boolean;
}

/** In order, each prefixed with `id`, without hidden files. Looks at most at `maxEntries`. */
export function listFolder(dir: string, id: Path, maxEntries: number): FolderNames {
  const listing: Listing = { names: [], entriesLeft: maxEntries, isComplete: true };
  list(dir, id, maxDepth, listing);
  return { names: listing.names, isComplete: listing.isComplete };
}

function list(dir: string, id: Path, depth: number, listing: Listing): void {
  if (depth === 0) {
    listing.isComplete = false;
    return;
  }
  for (const entry of entriesOf(dir, listing)) {
    const [segment = ""] = segmentsOf(pathOf(entry.name));
    const file = join(dir, entry.name);
    const kind = kindOf(entry, file);
    if (kind === "folder") list(file, append(id, segment), depth - 1, listing);
    else if (kind === "file") listing.names.push(append(id, segment));
  }
}

/** Sorted, without hidden ones. Empty when the folder has gone. */
function entriesOf(dir: string, listing: Listing): Dirent[] {
  const entries: Dirent[] = [];
  try {
    const folder = opendirSync(dir);
    for (let entry = folder.readSync(); entry !== null; entry = folder.readSync()) {
      if (entry.name.startsWith(".")) continue;
      if (listing.entriesLeft === 0) {
        listing.isComplete = false;
        break;
      }
      listing.entriesLeft--;
      entries.push(entry);
    }
    folder.closeSync();
  } catch {
    // it went away while it was being listed
  }
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Links are followed; null: one that leads nowhere. */
function kindOf(entry: Dirent, file: string): "file" | "folder" | null {
  if (!entry.isSymbolicLink()) return entry.isDirectory() ? "folder" : "file";
  try {
    return statSync(file).isDirectory() ? "folder" : "file";
  } catch {
    return null;
  }
}
