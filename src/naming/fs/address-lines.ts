// Addresses as people list them: `host port`, `host port * weight`.
import { failed, ok, pending } from "../../core/live.ts";
import type { Live, State } from "../../core/live.ts";
import type { AddressSet, HostResolver } from "../../core/naming.ts";
import type { Address } from "../../core/address.ts";
import { computed } from "../binding/tracker.ts";
import type { Tracker } from "../binding/tracker.ts";

/** One entry of a list; the host is a name or an IP literal. */
export interface AddressLine {
  readonly host: string;
  readonly port: number;
  readonly weight: number;
}

type AddressLines =
  | { readonly kind: "lines"; readonly lines: readonly AddressLine[] }
  /** `line` is 1-based. */
  | { readonly kind: "bad"; readonly line: number; readonly problem: string };

/** Reads a file of addresses: one per line; `#` starts a comment. */
export function parseAddressLines(text: string): AddressLines {
  const lines: AddressLine[] = [];
  for (const [i, raw] of text.split("\n").entries()) {
    const content = raw.replace(/#.*$/s, "").trim();
    if (content === "") continue;
    const [host = "", port = "", ...rest] = content.split(/\s+/);
    const line = addressLine(host, port, rest.join(""));
    if (line === null) return { kind: "bad", line: i + 1, problem: problemOf(content) };
    lines.push(line);
  }
  return { kind: "lines", lines };
}

/** Reads `host:port`, `[::1]:port`, `host:port * weight`; null for anything else. */
export function parseHostPort(text: string): AddressLine | null {
  const found = /^\s*(?:\[([^\]\s]+)\]|([^\s:[\]*]+)):(\d+)\s*(\*\s*\S+)?\s*$/.exec(text);
  if (found === null) return null;
  const [, ipv6, host, port = "", weight = ""] = found;
  return addressLine(ipv6 ?? host ?? "", port, weight.replaceAll(/\s/g, ""));
}

const hostText = /^[0-9A-Za-z_.:%-]+$/;
const weightText = /^\*(\d+\.?\d*|\.\d+)$/;

function addressLine(host: string, portText: string, rest: string): AddressLine | null {
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : 0;
  if (!hostText.test(host) || port < 1 || port > 65_535) return null;
  if (rest === "") return { host, port, weight: 1 };
  const weight = Number(weightText.exec(rest)?.[1] ?? Number.NaN);
  return Number.isFinite(weight) ? { host, port, weight } : null;
}

function problemOf(content: string): string {
  const shown = content.length > 80 ? `${content.slice(0, 80)}...` : content;
  return `expected 'host port' or 'host port * weight' with a port of 1..65535, got '${shown}'`;
}

/**
 * The addresses of a list, host names among them kept current. Pending until every name has
 * been looked up once; later, a name that fails only lacks its own addresses. Failed when no
 * name has one.
 */
export function resolvedLines(
  hosts: HostResolver,
  lines: readonly AddressLine[],
): Live<AddressSet> {
  let wasComplete = false;
  return computed((tracker) => {
    const state = resolved(hosts, lines, tracker, wasComplete);
    wasComplete ||= state.kind === "ok";
    return state;
  }, isSameAddressSet);
}

function resolved(
  hosts: HostResolver,
  lines: readonly AddressLine[],
  tracker: Tracker,
  mayLack: boolean,
): State<AddressSet> {
  const addresses = new Map<string, Address>();
  let problem: State<never> | null = null;
  for (const { host, port, weight } of lines) {
    const state = tracker.read(hosts, host, () => hosts.resolve(host));
    if (state.kind === "pending" && !mayLack) return pending;
    if (state.kind === "failed") problem = failed(state.why);
    if (state.kind !== "ok") continue;
    for (const ip of state.value) {
      const key = `${ip} ${port}`;
      if (!addresses.has(key)) addresses.set(key, { host: ip, port, weight });
    }
  }
  if (addresses.size === 0 && problem !== null) return problem;
  return ok([...addresses.values()]);
}

/** The same addresses with the same weights in the same order. */
export function isSameAddressSet(a: AddressSet, b: AddressSet): boolean {
  if (a === "neg" || b === "neg") return a === b;
  return (
    a.length === b.length &&
    a.every((address, i) => {
      const other = b[i];
      return (
        other !== undefined &&
        address.host === other.host &&
        address.port === other.port &&
        address.weight === other.weight &&
        address.meta === other.meta
      );
    })
  );
}
