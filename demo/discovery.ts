// Discovery: where instances are announced, and how sidecars look them up.
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";

export interface Announced {
  readonly host: string;
  /** The port of the `incoming` router of the instance's sidecar. */
  readonly port: number;
}

/** One kind of discovery: everything that the rest of the demo needs from it. */
export interface Discovery {
  /** For people, such as `files in /tmp/x/disco`. */
  readonly title: string;
  /** The entries of `namers:` in a sidecar's file, as YAML without indentation. */
  readonly namersYaml: string;
  /** The outgoing router's dtab: from the logical name to this discovery. */
  readonly dtab: string;
  /** The entries of the incoming router's `announcers:`; empty: the supervisor announces. */
  readonly announcersYaml: string;
  /** What the incoming server announces for a name, such as `/#/io.l5d.consul/rates`. */
  announcedAs(name: string): string;
  /** Called before anything else. null on success, otherwise the reason of the failure. */
  open(): Promise<string | null>;
  announce(name: string, address: Announced): Promise<void>;
  /** Idempotent. Resolves when written; callers notice a moment later. */
  withdraw(name: string, address: Announced): Promise<void>;
  /** Called after everything else. Idempotent. */
  close(): Promise<void>;
  /** Called when this process exits; does not wait. Idempotent. */
  abandon(): void;
}

/** A folder with one file per name; each line is the host and port of an incoming router. */
export function fileDiscovery(folder: string): Discovery {
  const rootDir = path.join(folder, "disco");
  mkdirSync(rootDir, { recursive: true });
  const lines = new Map<string, ReadonlySet<string>>();

  function write(name: string, entries: ReadonlySet<string>): void {
    lines.set(name, entries);
    const text = entries.size === 0 ? [`# no instance of ${name} is running`] : [...entries].sort();
    // Written beside the watched folder, then moved, so that a half-written file is never read.
    const draft = path.join(folder, `${name}.draft`);
    writeFileSync(draft, `${text.join("\n")}\n`);
    renameSync(draft, path.join(rootDir, name));
  }
  const linesOf = (name: string) => lines.get(name) ?? new Set<string>();

  return {
    title: `files in ${rootDir}`,
    namersYaml: `- kind: io.l5d.fs\n  rootDir: ${JSON.stringify(rootDir)}`,
    dtab: "/svc => /#/io.l5d.fs",
    announcersYaml: "",
    announcedAs: (name) => name,
    open: async () => null,
    async announce(name, address) {
      write(name, new Set([...linesOf(name), lineOf(address)]));
    },
    async withdraw(name, address) {
      const gone = lineOf(address);
      write(name, new Set([...linesOf(name)].filter((line) => line !== gone)));
    },
    close: async () => {},
    abandon: () => {},
  };
}

function lineOf({ host, port }: Announced): string {
  return `${host} ${port}`;
}
