// Messages as trees whose lengths are computed when they are rendered, so that a mutation can be deep
// inside a message that is otherwise whole, or can make a length lie.
import type { Random } from "../../src/core/clock.ts";

/** How a length or count is written: bytes of a big-endian number, or Thrift's varint. */
type Form = 1 | 2 | 3 | 4 | 8 | "varint";

export type Node =
  | { readonly kind: "bytes"; readonly bytes: Buffer }
  | { readonly kind: "number"; readonly form: Form; readonly value: number }
  /** Its bytes are preceded by their length. */
  | {
      readonly kind: "sized";
      readonly form: Form;
      readonly of: readonly Node[];
      readonly lie?: Node;
    }
  /** Its children are preceded by their count. */
  | {
      readonly kind: "counted";
      readonly form: Form;
      readonly of: readonly Node[];
      readonly lie?: Node;
    }
  /** Padded to words of 4 bytes, and preceded by their number in 2 bytes: the header of THeader. */
  | { readonly kind: "words"; readonly of: readonly Node[]; readonly lie?: Node }
  | { readonly kind: "group"; readonly of: readonly Node[] };

export const bytes = (text: string | Buffer): Node => ({
  kind: "bytes",
  bytes: typeof text === "string" ? Buffer.from(text, "latin1") : text,
});
export const number = (form: Form, value: number): Node => ({ kind: "number", form, value });
export const sized = (form: Form, ...of: readonly Node[]): Node => ({ kind: "sized", form, of });
export const counted = (form: Form, of: readonly Node[]): Node => ({ kind: "counted", form, of });
export const words = (...of: readonly Node[]): Node => ({ kind: "words", of });
export const group = (...of: readonly Node[]): Node => ({ kind: "group", of });

export function render(node: Node): Buffer {
  switch (node.kind) {
    case "bytes":
      return node.bytes;
    case "number":
      return written(node.form, node.value);
    case "group":
      return Buffer.concat(node.of.map(render));
    case "words": {
      const inside = Buffer.concat(node.of.map(render));
      const count = Math.ceil(inside.length / 4);
      const head = node.lie === undefined ? written(2, count) : render(node.lie);
      return Buffer.concat([head, inside, Buffer.alloc(4 * count - inside.length)]);
    }
    case "sized":
    case "counted": {
      const inside = Buffer.concat(node.of.map(render));
      const size = node.kind === "sized" ? inside.length : node.of.length;
      const head = node.lie === undefined ? written(node.form, size) : render(node.lie);
      return Buffer.concat([head, inside]);
    }
    default:
      return node satisfies never;
  }
}

function written(form: Form, value: number): Buffer {
  const wide = BigInt.asUintN(64, BigInt(Math.trunc(value)));
  if (form === "varint") return varint(wide & 0xffff_ffffn);
  const eight = Buffer.alloc(8);
  eight.writeBigUInt64BE(wide);
  return eight.subarray(8 - form);
}

function varint(value: bigint): Buffer {
  const out: number[] = [];
  let rest = value;
  while (rest > 0x7fn) {
    out.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  return Buffer.from([...out, Number(rest)]);
}

export function pick<T>(random: Random, all: readonly T[]): T {
  return all[Math.floor(random() * all.length)] as T; // never beyond the end: random() < 1
}

export const upTo = (random: Random, most: number): number => Math.floor(random() * (most + 1));

const extremes = [0, 1, 2, 127, 128, 255, 32_767, 32_768, 65_535, 0x7f_ffff, 0x7fff_ffff, -1, -2];
const extreme = (random: Random): number =>
  random() < 0.2 ? 2 ** upTo(random, 33) - 1 : pick(random, [...extremes, -0x8000_0000]);
/** A number of 32 or 64 bits that has no end, or far more digits than it needs. */
const endlessVarint = (random: Random): Node =>
  bytes(Buffer.alloc(pick(random, [5, 6, 10, 11, 5_000]), 0xff));

/** Total bytes that one mutation may add. */
const maxAdded = 300_000;

/** One change somewhere in the tree. */
export function mutate(random: Random, node: Node): Node {
  const children = "of" in node ? node.of : [];
  if (children.length === 0 || random() < 0.12) return mutateHere(random, node);
  const at = upTo(random, children.length - 1);
  const of = random() < 0.6 ? inside(random, children, at) : around(random, children, at);
  return { ...node, of } as Node;
}

function inside(random: Random, nodes: readonly Node[], at: number): Node[] {
  return nodes.map((each, i) => (i === at ? mutate(random, each) : each));
}

function around(random: Random, nodes: readonly Node[], at: number): Node[] {
  const [before, after] = [nodes.slice(0, at), nodes.slice(at + 1)];
  const node = nodes[at] as Node;
  switch (upTo(random, 4)) {
    case 0:
      return [...before, ...after];
    case 1:
      return [...before, node, copies(random, node), ...after];
    case 2:
      return [...before, ...after, node];
    case 3:
      return [...before, pick(random, nodes), ...after];
    default:
      return [...before, node, junk(random), ...after];
  }
}

function copies(random: Random, node: Node): Node {
  const one = render(node);
  const most = Math.floor(maxAdded / Math.max(1, one.length));
  return bytes(repeated(one, random() < 0.95 ? upTo(random, 3) : upTo(random, most)));
}

export function repeated(one: Buffer, count: number): Buffer {
  return one.length === 0 ? one : Buffer.alloc(one.length * count, one);
}

function mutateHere(random: Random, node: Node): Node {
  switch (node.kind) {
    case "bytes":
      return bytes(mutateBytes(random, node.bytes));
    case "number":
      if (node.form === "varint" && random() < 0.2) return endlessVarint(random);
      return { ...node, value: random() < 0.3 ? node.value + 1 : extreme(random) };
    case "group":
      return { ...node, of: [...node.of, ...node.of] };
    case "words":
      return { ...node, lie: number(2, extreme(random)) };
    default: {
      const isEndless = node.form === "varint" && random() < 0.2;
      const lie = isEndless ? endlessVarint(random) : number(node.form, extreme(random));
      return { ...node, lie };
    }
  }
}

const junk = (random: Random): Node =>
  bytes(Buffer.from(Array.from({ length: upTo(random, 40) }, () => upTo(random, 255))));

/** One change of bytes that knows nothing of what they mean. */
export function mutateBytes(random: Random, was: Buffer): Buffer {
  const at = upTo(random, was.length);
  const changed = Buffer.from(was);
  switch (upTo(random, 5)) {
    case 0:
      if (at < was.length) changed[at] = upTo(random, 255);
      return changed;
    case 1:
      if (at < was.length) changed[at] = (changed[at] ?? 0) ^ (1 << upTo(random, 7));
      return changed;
    case 2:
      return was.subarray(0, at);
    case 3:
      return Buffer.concat([was.subarray(0, at), render(junk(random)), was.subarray(at)]);
    case 4: {
      const end = Math.min(was.length, at + upTo(random, 8));
      return Buffer.concat([was.subarray(0, at), was.subarray(end)]);
    }
    default: {
      const piece = was.subarray(at, at + 1 + upTo(random, 30));
      const most = Math.floor(maxAdded / 3 / Math.max(1, piece.length));
      const count = random() < 0.97 ? upTo(random, 5) : upTo(random, most);
      return Buffer.concat([was.subarray(0, at), repeated(piece, count), was.subarray(at)]);
    }
  }
}
