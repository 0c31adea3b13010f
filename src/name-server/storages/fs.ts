// Keeps each dtab in a file, with its history: the storage of a name server that stands alone.
//
//     storage:
//       kind: io.l5d.fs
//       rootDir: ./dtabs       # made when it is not there
//       history: 20            # earlier versions that are kept of each namespace
//
// `<rootDir>/<namespace>.dtab` holds the dtab behind a comment with its version, and may be edited by hand
// while the server runs. A file is replaced by a rename after its contents have reached the disk, so that a
// process killed at any moment leaves the old or the new one.
import { resolve } from "node:path";
import * as v from "valibot";
import { integer } from "../../core/schema.ts";
import { plugin } from "../../core/plugin.ts";
import type { DtabStore, StorageDeps, StoragePlugin } from "../dtab-store.ts";
import { FileStore } from "./file-store.ts";

const schema = v.strictObject({
  kind: v.literal("io.l5d.fs"),
  rootDir: v.pipe(
    v.string("expected the path of a folder"),
    v.nonEmpty("expected the path of a folder"),
  ),
  history: v.optional(integer(0, 1_000), 20),
});

export const fsStorage: StoragePlugin = plugin({
  kind: "io.l5d.fs",
  schema,
  create: ({ rootDir, history }, deps: StorageDeps): DtabStore =>
    new FileStore(resolve(rootDir), history, deps),
});
