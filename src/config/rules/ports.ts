// Servers and the admin server must not share a port.
import { adminPorts, describedBy } from "../schemas/admin.ts";
import { lineOf, showSteps } from "../yaml/locate.ts";
import type { Finding } from "../yaml/locate.ts";
import type { Kinds } from "../kinds.ts";
import type { Source, Step } from "../yaml/yaml.ts";
import { fieldsOf, mapsOf } from "./untyped.ts";
import type { Data } from "./untyped.ts";

interface ListeningAt {
  readonly steps: readonly Step[];
  /** Of its port. */
  readonly key: string;
  readonly ip: string;
  readonly port: number;
}

function listenersOf(file: Data, kinds: Kinds): ListeningAt[] {
  const admin = fieldsOf(file["admin"]);
  const adminPort = adminPorts[describedBy((section) => file[section] !== undefined)];
  const { ip, httpIdentifierPort: port = 0 } = admin;
  const identifying = { ...listener({ ip, port }, ["admin"], 0), key: "httpIdentifierPort" };
  const all: ListeningAt[] = [listener(admin, ["admin"], adminPort), identifying];
  for (const { data, index } of mapsOf(file["routers"])) {
    const protocol = kinds.protocols.find(({ name }) => name === data["protocol"]);
    for (const server of mapsOf(data["servers"])) {
      const steps = ["routers", index, "servers", server.index];
      all.push(listener(server.data, steps, protocol?.defaultPort ?? 0));
    }
  }
  for (const { data, index } of mapsOf(file["interfaces"])) {
    all.push(listener(data, ["interfaces", index], interfacePorts[String(data["kind"])] ?? 0));
  }
  return all;
}

/** What an interface of a name server listens on without `port`. */
const interfacePorts: Readonly<Record<string, number>> = {
  "io.l5d.httpController": 4180,
  "io.l5d.thriftNameInterpreter": 4100,
};

function listener(data: Data, steps: readonly Step[], defaultPort: number): ListeningAt {
  const { ip = "127.0.0.1", port = defaultPort } = data;
  const shown = String(ip);
  const isEvery = /^[0:]*:[0:]*$/.test(shown); // `::` in any of its spellings
  const number = typeof port === "number" ? port : 0;
  return { steps, key: "port", ip: isEvery ? "::" : shown, port: number };
}

export function portConflicts(source: Source, file: Data, kinds: Kinds): Finding[] {
  const listeners = listenersOf(file, kinds);
  const byPort = new Map<number, Map<string, ListeningAt>>();
  const findings: Finding[] = [];
  // Servers come first, because the ports of the admin server are easier to change.
  for (const current of [...listeners.slice(2), ...listeners.slice(0, 2)]) {
    const { port, ip, steps, key } = current;
    if (port === 0) continue; // the system picks a free port
    const taken = byPort.get(port) ?? new Map<string, ListeningAt>();
    byPort.set(port, taken);
    const other = firstConflict(taken, ip);
    if (!taken.has(ip)) taken.set(ip, current);
    if (other === null) continue;
    const where = `${showSteps(other.steps)} on line ${lineOf(source, other.steps)}`;
    const address = other.ip === ip ? "" : `, which listens on ${other.ip}`;
    const message = `port ${port} is taken by ${where}${address}`;
    findings.push({ steps: [...steps, key], at: "value", message });
  }
  return findings;
}

const everyIPv4 = "0.0.0.0";
const every = "::"; // covers IPv4 as well

/** The first socket of one port, keyed by IP address, that conflicts with a socket on `ip`. */
function firstConflict(taken: ReadonlyMap<string, ListeningAt>, ip: string): ListeningAt | null {
  const same = taken.get(ip) ?? taken.get(every);
  if (same !== undefined) return same;
  if (ip !== every && ip !== everyIPv4) {
    return ip.includes(":") ? null : (taken.get(everyIPv4) ?? null);
  }
  for (const other of taken.values()) if (ip === every || !other.ip.includes(":")) return other;
  return null;
}
