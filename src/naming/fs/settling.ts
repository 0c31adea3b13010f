// Whether a file that was just read is whole, or still being written.
import type { Stats as FileStats } from "node:fs";
import type { Clock } from "../../core/clock.ts";

/** A file is taken as whole once it has not changed for this long. */
const settledMs = 50;
/** The same for a file that looks unfinished: empty, or without a line feed at its end. */
const unfinishedMs = 500;

/** Decides when to trust what was read of one file; remembers the last version that it saw. */
export class Settling {
  readonly #clock: Clock;
  #version = "";
  #seenAtMs = 0;
  /** Of the last trusted version; null: none yet. */
  #trustedInode: number | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds after which to read the file again; 0: `text` is whole. */
  waitMs(file: FileStats, text: string): number {
    const nowMs = this.#clock.nowMs();
    const version = versionOf(file);
    if (version !== this.#version) this.#seenAtMs = nowMs;
    this.#version = version;
    const neededMs = text.endsWith("\n") ? settledMs : unfinishedMs;
    // Only the first time does the age by the file's own clock count, which may not be this host's.
    const ageMs = this.#trustedInode === null ? this.#clock.wallMs() - file.mtimeMs : 0;
    const unchangedMs = Math.max(0, ageMs, nowMs - this.#seenAtMs);
    if (unchangedMs < neededMs && !this.#isRenamed(file)) return neededMs - unchangedMs;
    this.#trustedInode = file.ino;
    return 0;
  }

  /**
   * Moved into place after it was written, as careful writers do: another file than before, and the
   * move is later than the last write.
   */
  #isRenamed({ ino, ctimeMs, mtimeMs }: FileStats): boolean {
    return ino !== this.#trustedInode && ctimeMs > mtimeMs;
  }
}

/** The same as long as nobody writes to the file or replaces it. */
function versionOf({ mtimeMs, ctimeMs, size, ino }: FileStats): string {
  return `${mtimeMs} ${ctimeMs} ${size} ${ino}`;
}
