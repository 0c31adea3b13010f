// Discovery by files, for stories that change where a service is.
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

export interface Discovery {
  /** The folder that `io.l5d.fs` reads. */
  readonly rootDir: string;
  /** Says where a service is from now on; ports of this host. */
  set(name: string, ports: readonly (number | string)[]): void;
  remove(name: string): void;
}

/** A folder of `io.l5d.fs`, gone when the test ends. */
export function discovery(
  t: TestContext,
  names: Readonly<Record<string, readonly (number | string)[]>>,
): Discovery {
  const rootDir = mkdtempSync(join(tmpdir(), "switchyard-disco-"));
  t.after(() => rmSync(rootDir, { recursive: true, force: true }));
  const set = (name: string, ports: readonly (number | string)[]) => {
    const lines = ports.map((port) => (typeof port === "number" ? `127.0.0.1 ${port}` : port));
    // Renamed into place: nobody reads half a file.
    writeFileSync(join(rootDir, `.${name}.new`), `${lines.join("\n")}\n`);
    renameSync(join(rootDir, `.${name}.new`), join(rootDir, name));
  };
  for (const [name, ports] of Object.entries(names)) set(name, ports);
  return { rootDir, set, remove: (name) => rmSync(join(rootDir, name)) };
}
