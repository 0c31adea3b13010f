// Earlier versions of dtabs: `<rootDir>/.history/<namespace>/<version>.dtab`, the latest ones of each.
import { readdirSync } from "node:fs";
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { countOf } from "../counted-version.ts";
import type { VersionedDtab } from "../dtab-store.ts";
import { readText, replaceFile, textOf } from "./dtab-file.ts";

export class History {
  readonly #folder: string;
  readonly #maxVersions: number;

  constructor(rootDir: string, maxVersions: number) {
    this.#folder = join(rootDir, ".history");
    this.#maxVersions = maxVersions;
  }

  /** What was replaced or removed. Throws when the disk does. */
  async keep(namespace: string, replaced: VersionedDtab): Promise<void> {
    if (this.#maxVersions === 0) return;
    const folder = join(this.#folder, namespace);
    await mkdir(folder, { recursive: true });
    await replaceFile(join(folder, fileOf(countOf(replaced.version))), textOf(replaced));
    const tooOld = this.#counts(namespace).slice(0, -this.#maxVersions);
    for (const count of tooOld) await rm(join(folder, fileOf(count)), { force: true });
  }

  /** What is kept, the oldest first. */
  async read(namespace: string): Promise<readonly VersionedDtab[]> {
    const versions: VersionedDtab[] = [];
    for (const count of this.#counts(namespace)) {
      const text = await readFile(join(this.#folder, namespace, fileOf(count)), "utf8");
      const parsed = readText(text);
      if (parsed.ok) versions.push(parsed.value);
    }
    return versions;
  }

  /** The number of the latest version that is kept; 0: none. A name that is created again goes on from there. */
  latest(namespace: string): bigint {
    return this.#counts(namespace).at(-1) ?? 0n;
  }

  /** Ascending. */
  #counts(namespace: string): bigint[] {
    return entriesOf(join(this.#folder, namespace))
      .flatMap((name) => /^(\d{1,19})\.dtab$/.exec(name)?.slice(1) ?? [])
      .map(BigInt)
      .sort((a, b) => (a < b ? -1 : 1));
  }
}

const fileOf = (count: bigint): string => `${count}.dtab`;

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // nothing was kept yet
  }
}
