// Service discovery with files: a watched folder with one file per name.
//
//     namers:
//     - kind: io.l5d.fs
//       rootDir: ./disco          # may be created later
//       prefix: /io.l5d.fs        # the default
//
// `/#/io.l5d.fs/users/x` is the file `disco/users`, `/x` is left over; folders take a segment
// more each. A file has one line per address, `host port` or `host port * weight`; host names
// are looked up again every 5 s. `#` starts a comment. No file: no such name. An empty file: a
// name without addresses.
import { join as joinFile, resolve } from "node:path";
import * as v from "valibot";
import { failure } from "../../core/failure.ts";
import { constant, failed, flatMap, ok, pending } from "../../core/live.ts";
import type { Live, State } from "../../core/live.ts";
import { leaf, neg } from "../../core/names/nametree.ts";
import type { NameTree } from "../../core/names/nametree.ts";
import type {
  AddressSet,
  Bound,
  NamerDeps,
  NamerPlugin,
  RunningNamer,
  SourceTrouble,
} from "../../core/naming.ts";
import { append, pathOfShown, segmentsOf, segmentText } from "../../core/names/path.ts";
import type { Path } from "../../core/names/path.ts";
import { plugin } from "../../core/plugin.ts";
import { path } from "../../core/schema.ts";
import { isSameAddressSet, parseAddressLines, resolvedLines } from "../fs/address-lines.ts";
import type { AddressLine } from "../fs/address-lines.ts";
import { FolderCheck } from "../fs/folder-check.ts";
import { listFolder } from "../fs/list-folder.ts";
import { folder } from "../schema.ts";
import { computed } from "../binding/tracker.ts";
import type { Tracker } from "../binding/tracker.ts";
import { Files } from "../fs/files.ts";
import type { FileText } from "../fs/files.ts";

const maxFileBytes = 500_000;
/** Limit of files and folders looked at for `/bound-names.json`. */
const maxListedEntries = 10_000;

const schema = v.strictObject({
  kind: v.literal("io.l5d.fs"),
  prefix: v.optional(path(), "/io.l5d.fs"),
  rootDir: folder(),
});

export const fs: NamerPlugin = plugin({
  kind: "io.l5d.fs",
  schema,
  create: (config, deps: NamerDeps): RunningNamer => new FolderNamer(resolve(config.rootDir), deps),
});

class FolderNamer implements RunningNamer {
  readonly #rootDir: string;
  readonly #deps: NamerDeps;
  readonly #disk: Files;
  /**
   * By file path; kept while the file exists, so that the last good addresses outlive a time
   * without watchers.
   */
  readonly #files = new Map<string, AddressFile>();
  readonly #root: FolderCheck;
  #hasWarnedOfMore = false;

  constructor(rootDir: string, deps: NamerDeps) {
    this.#rootDir = rootDir;
    this.#deps = deps;
    this.#disk = new Files(deps.clock, deps.log);
    this.#root = new FolderCheck(rootDir, deps.clock);
  }

  lookup(name: Path): Live<NameTree<Bound>> {
    return this.#below(this.#rootDir, this.#deps.id, segmentsOf(name), 0);
  }

  /** `used` segments have been followed, down to the folder `dir`. */
  #below(dir: string, id: Path, segments: readonly string[], used: number): Live<NameTree<Bound>> {
    const segment = segments[used];
    const name = segment === undefined ? null : fileNameOf(segment);
    if (segment === undefined || name === null) return constant(ok(neg));
    const file = joinFile(dir, name);
    const here = append(id, segment);
    return flatMap(this.#disk.kind(file), (kind) => {
      if (kind === "missing") {
        this.#files.delete(file); // names that come and go are not kept for ever
        return constant(ok(neg));
      }
      if (kind === "folder") return this.#below(file, here, segments, used + 1);
      const residual = pathOfShown(segments.slice(used + 1));
      return constant(ok(leaf({ id: here, residual, addresses: this.#file(file).addresses })));
    });
  }

  #file(path: string): AddressFile {
    let file = this.#files.get(path);
    if (file === undefined) {
      file = new AddressFile(path, this.#disk, this.#deps);
      this.#files.set(path, file);
    }
    return file;
  }

  boundNames(): readonly Path[] {
    const { id, log } = this.#deps;
    const { names, isComplete } = listFolder(this.#rootDir, id, maxListedEntries);
    if (!isComplete && !this.#hasWarnedOfMore) {
      this.#hasWarnedOfMore = true; // the list may be read often
      log.warn({ event: "not all names listed", rootDir: this.#rootDir, listed: names.length });
    }
    return names;
  }

  troubles(): readonly SourceTrouble[] {
    const files = Array.from(this.#files.values(), (file) => file.trouble);
    return [this.#root.trouble(), ...files].filter((trouble) => trouble !== null);
  }

  watchState(): Readonly<Record<string, unknown>> {
    const files = Object.fromEntries(
      Array.from(this.#files, ([file, { report }]) => [file, report]),
    );
    return { rootDir: this.#rootDir, watchedFolders: this.#disk.folders, files };
  }

  close(): void {
    this.#disk.close();
  }
}

/** A segment as the name of a file; null when it could leave the folder. */
function fileNameOf(segment: string): string | null {
  const name = segmentText(segment);
  const isPlain = name !== "." && name !== ".." && !/[/\\\0]/.test(name) && name.length <= 255;
  return isPlain ? name : null;
}

/** The addresses in one file. Keeps the last good ones when the file turns bad. */
class AddressFile {
  readonly addresses: Live<AddressSet>;
  readonly #path: string;
  readonly #deps: NamerDeps;
  #lastRead: FileText | null = null;
  #readAtMs = 0;
  #good: readonly AddressLine[] | null = null;
  /** The good lines with their host names looked up. */
  #resolved: Live<AddressSet> | null = null;
  /** What is wrong with the current file. */
  #problem: string | null = null;

  constructor(path: string, disk: Files, deps: NamerDeps) {
    this.#path = path;
    this.#deps = deps;
    const text = disk.text(path, maxFileBytes);
    this.addresses = computed((tracker) => this.#state(text, tracker), isSameAddressSet);
  }

  /** For `/namer_state`. */
  get report(): Readonly<Record<string, unknown>> {
    return {
      state: this.addresses.state.kind,
      readAt: this.#lastRead === null ? null : new Date(this.#readAtMs).toISOString(),
      lines: this.#good,
      problem: this.#problem,
    };
  }

  /** null: the file is good, or gone. */
  get trouble(): SourceTrouble | null {
    const problem = this.#problem;
    if (problem === null) return null;
    const isLastGoodKept = this.#good !== null;
    const kept = isLastGoodKept ? "its last good addresses are used" : "its name has no addresses";
    return {
      kind: "broken",
      source: this.#path,
      text: `${problem}; ${kept}`,
      advice:
        "Correct the file: one line for each address, host and port. It takes effect immediately.",
      forMs: this.#deps.clock.wallMs() - this.#readAtMs,
      isLastGoodKept,
    };
  }

  #state(text: Live<FileText>, tracker: Tracker): State<AddressSet> {
    const read = tracker.read(text, "text", () => text);
    if (read.kind !== "ok") return pending;
    if (read.value !== this.#lastRead) this.#take(read.value);
    const resolved = this.#resolved;
    if (resolved !== null) return tracker.read(resolved, "addresses", () => resolved);
    return this.#problem === null ? ok("neg") : failed(failure("unresolved", this.#problem));
  }

  /** Called once for every text that was read. */
  #take(read: FileText): void {
    this.#lastRead = read;
    this.#readAtMs = this.#deps.clock.wallMs();
    this.#problem = null;
    // The name's tree shows that it is gone. Until the alternative is bound, which may take a
    // moment, calls use the last addresses.
    if (read.kind === "missing") return;
    const parsed = read.kind === "text" ? parseAddressLines(read.text) : null;
    if (parsed?.kind === "lines") {
      this.#good = parsed.lines;
      this.#resolved = resolvedLines(this.#deps.hosts, parsed.lines);
      return;
    }
    if (parsed !== null) this.#problem = `${this.#path}:${parsed.line}: ${parsed.problem}`;
    else if (read.kind === "unreadable") this.#problem = read.problem;
    const kept = this.#good?.length ?? null;
    this.#deps.log.warn({
      event: "bad address file",
      file: this.#path,
      problem: this.#problem,
      kept,
    });
  }
}
