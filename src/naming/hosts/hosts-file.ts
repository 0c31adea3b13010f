// The hosts file, and localhost: names that are known without a lookup.
import type { Clock } from "../../core/clock.ts";
import { canonicalIp } from "../built-in/ip.ts";
import { WatchedFile } from "./watched-file.ts";

/** By name in lower case; addresses in the order of the file. */
export type HostsTable = ReadonlyMap<string, readonly string[]>;

/** `127.0.0.1 localhost alias # comment` on each line (hosts(5)). */
export function parseHosts(text: string): HostsTable {
  const table = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const [address = "", ...names] = line.replace(/#.*$/, "").trim().split(/\s+/);
    const ip = canonicalIp(address);
    if (ip === null) continue;
    for (const name of names) {
      const key = name.toLowerCase();
      const known = table.get(key);
      if (known === undefined) table.set(key, [ip]);
      else if (!known.includes(ip)) known.push(ip);
    }
  }
  return table;
}

/** null: neither in the file nor a name of this host (RFC 6761 section 6.3). */
export function hostsFile(
  clock: Clock,
  path = "/etc/hosts",
): (host: string) => readonly string[] | null {
  const file = new WatchedFile(path, parseHosts, clock);
  return (host) => {
    const name = host.endsWith(".") ? host.slice(0, -1) : host;
    const isLocal = name === "localhost" || name.endsWith(".localhost");
    return file.value.get(name) ?? (isLocal ? ["127.0.0.1"] : null);
  };
}
