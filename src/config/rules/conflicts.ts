// Conflicts between distant keys: labels, ports, options that exclude each other.
import { lineOf, showSteps } from "../yaml/locate.ts";
import type { Finding } from "../yaml/locate.ts";
import type { Kinds } from "../kinds.ts";
import { fieldsOf, mapsOf } from "./untyped.ts";
import type { Data, Indexed } from "./untyped.ts";
import type { Source, Step } from "../yaml/yaml.ts";

/** Accepts data that may be wrong in other places: values of the wrong type are skipped. */
export function conflicts(source: Source, file: unknown, kinds: Kinds): Finding[] {
  const routers = mapsOf(fieldsOf(file)["routers"]);
  return [
    ...duplicateLabels(source, routers),
    ...portConflicts(source, listenersOf(fieldsOf(file), routers, kinds)),
    ...routers.flatMap(({ data, index }) => excluded(data, ["routers", index])),
    ...routers.flatMap(({ data, index }) => [
      ...misplacedPolicy(data["service"], ["routers", index, "service"]),
      ...misplacedPolicy(data["client"], ["routers", index, "client"]),
    ]),
    ...routers.flatMap(({ data, index }) => unannounced(data, ["routers", index])),
  ];
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
  const shown = String(ip);
  const isEvery = /^[0:]*:[0:]*$/.test(shown); // `::` in any of its spellings
  return { steps, ip: isEvery ? "::" : shown, port: typeof port === "number" ? port : 0 };
}

function portConflicts(source: Source, listeners: readonly ListeningAt[]): Finding[] {
  const byPort = new Map<number, Map<string, ListeningAt>>();
  const findings: Finding[] = [];
  // Servers come first, because the port of the admin server is easier to change.
  for (const current of [...listeners.slice(1), ...listeners.slice(0, 1)]) {
    const { port, ip, steps } = current;
    if (port === 0) continue; // the system picks a free port
    const taken = byPort.get(port) ?? new Map<string, ListeningAt>();
    byPort.set(port, taken);
    const other = firstConflict(taken, ip);
    if (!taken.has(ip)) taken.set(ip, current);
    if (other === null) continue;
    const where = `${showSteps(other.steps)} on line ${lineOf(source, other.steps)}`;
    const address = other.ip === ip ? "" : `, which listens on ${other.ip}`;
    const message = `port ${port} is taken by ${where}${address}`;
    findings.push({ steps: [...steps, "port"], at: "value", message });
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

/** Keys beside `configs`, or `configs` without the kind that reads it. */
function misplacedPolicy(section: unknown, steps: readonly Step[]): Finding[] {
  const data = fieldsOf(section);
  const { kind = "io.l5d.global", configs, experimental: _, ...others } = data;
  if (kind === "io.l5d.global") {
    if (configs === undefined) return [];
    const message = "has an effect only with kind: io.l5d.static, which is missing here";
    return [{ steps: [...steps, "configs"], at: "key", message }];
  }
  if (kind !== "io.l5d.static") return [];
  if (configs === undefined) {
    const message = "io.l5d.static needs configs, a list of entries with a prefix";
    return [{ steps: [...steps, "kind"], at: "value", message }];
  }
  const message =
    "io.l5d.static reads keys only in configs: move this one into an entry there, for all names `prefix: /`";
  return Object.keys(others).map((key) => ({ steps: [...steps, key], at: "key", message }));
}

/** Client prefixes that can match no client, usually because they are logical names. */
export function prefixesWithoutClients(file: unknown): Finding[] {
  return mapsOf(fieldsOf(file)["routers"]).flatMap(({ data, index }) =>
    mapsOf(fieldsOf(data["client"])["configs"]).flatMap((entry) => {
      const { prefix } = entry.data;
      if (typeof prefix !== "string" || /^\s*\/(\s*$|[#$%*{])/.test(prefix)) return [];
      const steps = ["routers", index, "client", "configs", entry.index, "prefix"];
      const message = `${prefix} matches no client: ids of clients begin with /#, /$ or /%, such as /#/io.l5d.fs/users`;
      return [{ steps, at: "value", message }] as const;
    }),
  );
}

/** Hedges in a router that declares no call idempotent. */
export function hedgesWithoutEffect(file: unknown, kinds: Kinds): Finding[] {
  return mapsOf(fieldsOf(file)["routers"]).flatMap(({ data, index }) => {
    const protocol = kinds.protocols.find(({ name }) => name === data["protocol"]);
    // In other protocols each request shows whether it is idempotent.
    if (protocol === undefined || !Object.hasOwn(protocol.serviceKeys, "idempotent")) return [];
    const isDeclared = entriesOf(data["service"], []).some(({ data: { idempotent = false } }) => {
      return idempotent !== false;
    });
    if (isDeclared) return [];
    return entriesOf(data["client"], ["routers", index, "client"])
      .filter((entry) => entry.data["hedge"] !== undefined)
      .map(({ steps }) => ({ steps: [...steps, "hedge"], at: "key", message: noIdempotentCalls }));
  });
}

const noIdempotentCalls =
  "has no effect: no call is known to be idempotent, so none is sent twice; declare idempotent calls with idempotent in service";

/** A section, and the entries of its `configs`. */
function entriesOf(section: unknown, steps: readonly Step[]) {
  const data = fieldsOf(section);
  const inner = mapsOf(data["configs"]).map((entry) => ({
    data: entry.data,
    steps: [...steps, "configs", entry.index],
  }));
  return [{ data, steps }, ...inner];
}

/** Options of one router that exclude each other. */
function excluded(router: Data, steps: readonly Step[]): Finding[] {
  const findings: Finding[] = [];
  const isBuffering = router["streamingEnabled"] === false;
  if (isBuffering && router["streamAfterContentLengthKB"] !== undefined) {
    const message =
      "excludes streamingEnabled: false, which streams nothing: delete one of the two keys";
    findings.push({ steps: [...steps, "streamAfterContentLengthKB"], at: "key", message });
  }
  if (router["baseDtab"] !== undefined && router["dtab"] !== undefined) {
    const message =
      "is the old name of dtab, which this router has as well: move its entries into dtab";
    findings.push({ steps: [...steps, "baseDtab"], at: "key", message });
  }
  return [...findings, ...unframed(router, steps)];
}

/** `thriftFramed: false` where the transport always puts a length in front of each message. */
function unframed(router: Data, steps: readonly Step[]): Finding[] {
  const hasHeaders = router["thriftTransport"] === "header";
  const servers = mapsOf(router["servers"]).map(({ data, index }) => ({
    data,
    steps: [...steps, "servers", index],
  }));
  return [...servers, ...entriesOf(router["client"], [...steps, "client"])].flatMap((section) => {
    const isMux = section.data["thriftMux"] === true;
    if (section.data["thriftFramed"] !== false || !(hasHeaders || isMux)) return [];
    const other = hasHeaders ? "thriftTransport: header" : "thriftMux: true";
    const message = `false excludes ${other}, where every message has its length: delete one of the two keys`;
    return [{ steps: [...section.steps, "thriftFramed"], at: "value", message } as const];
  });
}

/** Names in `announce` that no announcer of the router handles. */
function unannounced(router: Data, steps: readonly Step[]): Finding[] {
  const prefixes = mapsOf(router["announcers"]).flatMap(({ data: { kind, prefix } }) =>
    typeof kind === "string" ? [`/#${typeof prefix === "string" ? prefix : `/${kind}`}`] : [],
  );
  return mapsOf(router["servers"]).flatMap(({ data, index }) => {
    const { announce } = data;
    const names = Array.isArray(announce) ? (announce as unknown[]) : [];
    return names.flatMap((name, i): Finding[] => {
      const message = typeof name === "string" ? whyNotAnnounced(name, prefixes) : null;
      const at = [...steps, "servers", index, "announce", i];
      return message === null ? [] : [{ steps: at, at: "value", message }];
    });
  });
}

function whyNotAnnounced(name: string, prefixes: readonly string[]): string | null {
  const [first] = prefixes;
  if (first === undefined) {
    return "is never announced: the router has no announcers, such as { kind: io.l5d.consul }";
  }
  const own = prefixes.find((prefix) => name.startsWith(`${prefix}/`));
  if (own !== undefined && !name.slice(own.length + 1).includes("/")) return null;
  return `expected one name behind ${own ?? prefixes.join(" or ")}, such as ${own ?? first}/users`;
}
