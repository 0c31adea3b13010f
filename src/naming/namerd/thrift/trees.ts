// Name trees, addresses and delegations as the structs of the service Namer, and back. What cannot be read throws.
import { isIP } from "node:net";
import type { Address } from "../../../core/address.ts";
import { constant, pending } from "../../../core/live.ts";
import { empty, fail, leaf, neg } from "../../../core/names/nametree.ts";
import type { NameTree } from "../../../core/names/nametree.ts";
import { pathOfShown, segmentBytes, segmentsOf, showSegment } from "../../../core/names/path.ts";
import type { Path } from "../../../core/names/path.ts";
import type { AddressSet, Delegation } from "../../../core/naming.ts";
import { canonicalIp } from "../../built-in/ip.ts";
import type { RemoteBound } from "../remote.ts";
import type { Fields } from "./codec.ts";

const bare: Fields = {};

export function pathFields(path: Path): readonly Buffer[] {
  return segmentsOf(path).map((segment) => Buffer.from(segmentBytes(segment)));
}

export function readPath(value: unknown): Path {
  if (!Array.isArray(value)) throw new Error("a path is missing");
  return pathOfShown((value as Buffer[]).map((bytes) => showSegment(bytes)));
}

/** A tree whose nodes below the root are in a table, by number. */
export function treeFields(tree: NameTree<RemoteBound>): Fields {
  const nodes = new Map<number, Fields>();
  const add = (each: NameTree<RemoteBound>): number => {
    const id = nodes.size;
    nodes.set(id, bare); // takes its number before its children take theirs
    nodes.set(id, node(each));
    return id;
  };
  const node = (each: NameTree<RemoteBound>): Fields => {
    switch (each.kind) {
      case "leaf":
        return { leaf: boundFields(each.value) };
      case "alt":
        return { alt: each.trees.map(add) };
      case "union":
        return { weighted: each.branches.map(({ weight, tree: t }) => ({ weight, id: add(t) })) };
      default:
        return { [each.kind]: bare };
    }
  };
  const root = node(tree);
  return { root, nodes };
}

function boundFields({ id, residual }: RemoteBound): Fields {
  return { id: pathFields(id), residual: pathFields(residual) };
}

/** A table may lead in circles, or grow by being used many times: what is read is bounded. */
const maxNodes = 20_000;
/** As in JSON: every walk over a tree recurses. */
const maxDepth = 200;
const tooDeep = `it leads through more than ${maxDepth} nodes, one below the other`;

export function readTree(fields: Fields): NameTree<RemoteBound> {
  const { root, nodes } = fields as { root?: Fields; nodes?: ReadonlyMap<number, Fields> };
  let left = maxNodes;
  const read = (node: Fields | undefined, depth: number): NameTree<RemoteBound> => {
    const byId = (id: number) => read(nodes?.get(id), depth + 1);
    if (depth > maxDepth) throw new Error(tooDeep);
    if (node === undefined) throw new Error("the tree names a node that it does not have");
    if (--left < 0) throw new Error(`the tree has more than ${maxNodes} nodes`);
    if (node["leaf"] !== undefined) return leaf(readBound(node["leaf"] as Fields));
    if (node["alt"] !== undefined) {
      return { kind: "alt", trees: (node["alt"] as readonly number[]).map(byId) };
    }
    if (node["weighted"] !== undefined) {
      const weighted = node["weighted"] as readonly { weight: number; id: number }[];
      return {
        kind: "union",
        branches: weighted.map(({ weight, id }) => ({
          weight: readWeight(weight),
          tree: byId(id),
        })),
      };
    }
    if (node["empty"] !== undefined) return empty;
    if (node["fail"] !== undefined) return fail;
    if (node["neg"] !== undefined) return neg;
    throw new Error("the tree has a node of an unknown kind");
  };
  return read(root, 0);
}

/** Finite and >= 0, as every reader of a tree expects. */
function readWeight(weight: number): number {
  if (Number.isFinite(weight) && weight >= 0) return weight;
  throw new Error(`the tree has the weight ${weight}`);
}

function readBound({ id, residual }: Fields): RemoteBound {
  return {
    id: readPath(id),
    residual: residual === undefined ? pathOfShown([]) : readPath(residual),
  };
}

export function addressFields(addresses: AddressSet): Fields {
  if (addresses === "neg") return { neg: bare };
  const all = addresses.flatMap(({ host, port, weight, meta }) => {
    const ip = ipBytes(host);
    if (ip === null) return [];
    const told: Fields = {
      ...(meta?.["authority"] === undefined ? {} : { authority: meta["authority"] }),
      ...(meta?.["nodeName"] === undefined ? {} : { nodeName: meta["nodeName"] }),
      ...(weight === 1 ? {} : { endpoint_addr_weight: weight }),
    };
    return [{ ip, port, ...(Object.keys(told).length === 0 ? {} : { meta: told }) }];
  });
  return { bound: { addresses: all } };
}

export function readAddresses(fields: Fields): AddressSet {
  const { bound } = fields as { bound?: { addresses?: readonly Fields[] } };
  if (bound === undefined) {
    if (fields["neg"] === undefined) throw new Error("the addresses are neither bound nor neg");
    return "neg";
  }
  return (bound.addresses ?? []).map(readAddress);
}

function readAddress({ ip, port, meta }: Fields): Address {
  if (!Buffer.isBuffer(ip) || (ip.length !== 4 && ip.length !== 16)) {
    throw new Error("an address has no IP of 4 or 16 bytes");
  }
  if (typeof port !== "number" || port < 1 || port > 65_535) {
    throw new Error(`an address has the port ${String(port)}`);
  }
  const { authority, nodeName, endpoint_addr_weight: weight } = (meta ?? bare) as Fields;
  const texts: Record<string, string> = {};
  if (typeof authority === "string") texts["authority"] = authority;
  if (typeof nodeName === "string") texts["nodeName"] = nodeName;
  return {
    host: showIp(ip),
    port,
    weight: typeof weight === "number" && weight >= 0 && Number.isFinite(weight) ? weight : 1,
    ...(Object.keys(texts).length === 0 ? {} : { meta: texts }),
  };
}

/** null: no IP literal. */
function ipBytes(host: string): Buffer | null {
  if (isIP(host) === 4) return Buffer.from(host.split(".").map(Number));
  if (isIP(host) !== 6) return null;
  const [address = ""] = host.split("%");
  const dotted = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) => {
    const pair = (high: string, low: string) => ((Number(high) << 8) | Number(low)).toString(16);
    return `${pair(a as string, b as string)}:${pair(c as string, d as string)}`;
  });
  const [head = "", tail] = dotted.split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => "0");
  const bytes = Buffer.alloc(16);
  [...before, ...(tail === undefined ? [] : zeros), ...after].forEach((group, i) =>
    bytes.writeUInt16BE(parseInt(group, 16), 2 * i),
  );
  return bytes;
}

function showIp(bytes: Buffer): string {
  if (bytes.length === 4) return [...bytes].join(".");
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16));
  return canonicalIp(groups.join(":")) ?? groups.join(":");
}

/** A delegation as its table; addresses are not part of it. */
export function delegationFields(delegation: Delegation): Fields {
  const nodes = new Map<number, Fields>();
  const add = (each: Delegation): number => {
    const id = nodes.size;
    nodes.set(id, bare);
    nodes.set(id, node(each));
    return id;
  };
  const node = (each: Delegation): Fields => ({
    path: pathFields(each.path as Path),
    dentry: each.name ?? dentryText(each),
    contents: contents(each),
  });
  const contents = (each: Delegation): Fields => {
    const { type, bound, delegate, alt, union, tree, message } = each;
    if (type === "transformation" && tree !== undefined) {
      return {
        transformation: { value: bound === undefined ? bare : boundFields(bound), tree: add(tree) },
      };
    }
    if (delegate !== undefined) return { delegate: add(delegate) };
    if (alt !== undefined) return { alt: alt.map(add) };
    if (union !== undefined) {
      return { weighted: union.map(({ weight, tree: branch }) => ({ weight, id: add(branch) })) };
    }
    if (bound !== undefined) return { boundLeaf: boundFields(bound) };
    if (type === "exception") return { error: message ?? "" };
    return type === "empty" || type === "fail" ? { [type]: bare } : { neg: bare };
  };
  const root = node(delegation);
  return { root, nodes };
}

/** What stands for "no rule", as in Linkerd. */
const noRule = "/=>!";

function dentryText({ dentry }: Delegation): string {
  return dentry === undefined ? noRule : `${dentry.prefix}=>${dentry.dst}`;
}

export function readDelegation(fields: Fields): Delegation {
  const { root, nodes } = fields as { root?: Fields; nodes?: ReadonlyMap<number, Fields> };
  let left = maxNodes;
  const read = (node: Fields | undefined, depth: number): Delegation => {
    const byId = (id: unknown) => read(nodes?.get(id as number), depth + 1);
    if (depth > maxDepth) throw new Error(tooDeep);
    if (node === undefined) throw new Error("the delegation names a node that it does not have");
    if (--left < 0) throw new Error(`the delegation has more than ${maxNodes} nodes`);
    const path = readPath(node["path"] ?? []);
    const text = String(node["dentry"] ?? noRule);
    const [prefix = "", dst = ""] = text.split(/=>(.*)/s);
    const rule = text === noRule || text === "" ? {} : { dentry: { prefix, dst } };
    const contents = (node["contents"] ?? bare) as Fields;
    const at = { path, ...rule };
    if (contents["delegate"] !== undefined) {
      return { type: "delegate", ...at, delegate: byId(contents["delegate"]) };
    }
    if (contents["alt"] !== undefined) {
      return { type: "alt", ...at, alt: (contents["alt"] as readonly number[]).map(byId) };
    }
    if (contents["weighted"] !== undefined) {
      const weighted = contents["weighted"] as readonly { weight: number; id: number }[];
      const union = weighted.map(({ weight, id }) => ({ weight, tree: byId(id) }));
      return { type: "union", ...at, union };
    }
    if (contents["boundLeaf"] !== undefined) {
      const bound = { ...readBound(contents["boundLeaf"] as Fields), addresses: constant(pending) };
      return { type: "leaf", ...at, bound };
    }
    if (contents["transformation"] !== undefined) {
      const { value, tree } = contents["transformation"] as { value?: Fields; tree?: number };
      const bound = { ...readBound({ id: value?.["id"] ?? [] }), addresses: constant(pending) };
      return { type: "transformation", path, name: text, bound, tree: byId(tree) };
    }
    if (contents["error"] !== undefined) {
      return { type: "exception", ...at, message: String(contents["error"]) };
    }
    const type =
      contents["empty"] !== undefined ? "empty" : contents["fail"] !== undefined ? "fail" : "neg";
    return { type, ...at };
  };
  return read(root, 0);
}
