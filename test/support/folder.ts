// A folder of its own for each test, gone afterwards.
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";

export interface TestFolder {
  readonly path: string;
  /** Writes a file as an editor does: whole, in one step; makes the folders it needs. */
  write(name: string, text: string): void;
  remove(name: string): void;
}

export function testFolder(t: TestContext): TestFolder {
  const folder = openFolder();
  t.after(() => deleteFolder(folder));
  return folder;
}

export function deleteFolder({ path }: TestFolder): void {
  rmSync(path, { recursive: true, force: true });
}

/** For whoever deletes it: a server that writes to it must end first. */
export function openFolder(): TestFolder {
  const path = mkdtempSync(join(tmpdir(), "switchyard-test-"));
  return {
    path,
    write(name, text) {
      const file = join(path, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(`${file}.new`, text);
      renameSync(`${file}.new`, file);
    },
    remove: (name) => rmSync(join(path, name), { recursive: true, force: true }),
  };
}
