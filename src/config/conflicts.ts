// Problems between keys that stand far apart: labels, ports, options that exclude each other.
import { lineOf, showSteps } from "./locate.ts";
import type { Finding } from "./locate.ts";
import type { Kinds } from "./kinds.ts";
import type { Source, Step } from "./yaml.ts";

type Data = Readonly<Record<string, unknown>>;

/** Works on data that may be wrong in other places: what has the wrong type is passed over. */
export function conflicts(source: Source, file: unknown, kinds: Kinds): Finding[] {
  const routers = mapsOf(fieldsOf(file)["routers"]);
  return [
    ...duplicateLabels(source, routers),
    ...portConflicts(source, listenersOf(fieldsOf(file), routers, kinds)),
    ...routers.flatMap(({ data, index }) => excluded(data, ["routers", index])),
  ];
}

interface Indexed {
  readonly data: Data;
  readonly index: number;
}

function duplicateLabels(source: Source, routers: readonly Indexed[]): Finding[] {
  const first = new Map<unknown, number>();
  const findings: Finding[] = [];
  for (const { data, index } of routers) {
    const label = data["label"] ?? data["protocol"];
    const before = first.get(label);
    if (typeof label !== "string") continue;
    if (before === undefined) first.set(label, index);
    else {
      const line = lineOf(source, ["routers", before]);
      const taken = `the label ${label} is taken by routers[${before}] on line ${line}`;
      const message = data["label"] === undefined ? `${taken}: give this router a label` : taken;
      findings.push({ steps: ["routers", index, "label"], at: "value", message });
    }
  }
  return findings;
}

interface ListeningAt {
  readonly steps: readonly Step[];
  readonly ip: string;
  readonly port: number;
}

function listenersOf(file: Data, routers: readonly Indexed[], kinds: Kinds): ListeningAt[] {
  const all: ListeningAt[] = [listener(fieldsOf(file["admin"]), ["admin"], 9990)];
  for (const { data, index } of routers) {
    const protocol = kinds.protocols.find(({ name }) => name === data["protocol"]);
    for (const server of mapsOf(data["servers"])) {
      const steps = ["routers", index, "servers", server.index];
      all.push(listener(server.data, steps, protocol?.defaultPort ?? 0));
    }
  }
  return all;
}

function listener(data: Data, steps: readonly Step[], defaultPort: number): ListeningAt {
  const { ip = "127.0.0.1", port = defaultPort } = data;
  return { steps, ip: String(ip), port: typeof port === "number" ? port : 0 };
}

function portConflicts(source: Source, listeners: readonly ListeningAt[]): Finding[] {
  const byPort = new Map<number, ListeningAt[]>();
  const findings: Finding[] = [];
  // Servers first: the admin server's port is the one that is easier to change.
  for (const current of [...listeners.slice(1), ...listeners.slice(0, 1)]) {
    if (current.port === 0) continue; // a free port is free
    const others = byPort.get(current.port) ?? [];
    byPort.set(current.port, [...others, current]);
    const other = others.find(({ ip }) => overlap(ip, current.ip));
    if (other === undefined) continue;
    const where = `${showSteps(other.steps)} on line ${lineOf(source, other.steps)}`;
    const address = other.ip === current.ip ? "" : `, which listens on ${other.ip}`;
    const message = `port ${current.port} is taken by ${where}${address}`;
    findings.push({ steps: [...current.steps, "port"], at: "value", message });
  }
  return findings;
}

/** Whether two sockets of one port would get in each other's way. */
function overlap(a: string, b: string): boolean {
  if (a === b || isEvery(a) || isEvery(b)) return true;
  return (a === everyIPv4 && !b.includes(":")) || (b === everyIPv4 && !a.includes(":"));
}

const everyIPv4 = "0.0.0.0";

/** `::` takes IPv4 as well. */
function isEvery(ip: string): boolean {
  return /^[0:]*:[0:]*$/.test(ip);
}

/** Options of one router of which only one may be given. */
function excluded(router: Data, steps: readonly Step[]): Finding[] {
  const findings: Finding[] = [];
  const isBuffering = router["streamingEnabled"] === false;
  if (isBuffering && router["streamAfterContentLengthKB"] !== undefined) {
    const message =
      "excludes streamingEnabled: false, which streams nothing: delete one of the two keys";
    findings.push({ steps: [...steps, "streamAfterContentLengthKB"], at: "key", message });
  }
  if (router["baseDtab"] !== undefined && router["dtab"] !== undefined) {
    const message = "is the old name of dtab, which is there too: move its entries into dtab";
    findings.push({ steps: [...steps, "baseDtab"], at: "key", message });
  }
  return findings;
}

function fieldsOf(value: unknown): Data {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Data)
    : {};
}

function mapsOf(value: unknown): Indexed[] {
  return Array.isArray(value) ? value.map((item, index) => ({ data: fieldsOf(item), index })) : [];
}
