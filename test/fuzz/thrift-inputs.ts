// Calls and responses of Thrift in all its dialects, as trees that mutations can bend.
import type { Random } from "../../src/core/clock.ts";
import {
  bytes,
  counted,
  group,
  number,
  pick,
  repeated,
  sized,
  upTo,
  words,
  type Node,
} from "./draft.ts";
import { dtabEntries, nameText } from "./name-inputs.ts";

export type Encoding = "binary" | "compact";
export type Envelope = "framed" | "buffered" | "header";

const methods = ["web", "evil", "evil", "nobody", "Calc:add", ":", "a/b", "", "x".repeat(300)];

const i = (form: 1 | 2 | 4 | 8, random: Random): Node => number(form, upTo(random, 2 ** 31));
const text = (random: Random): string =>
  random() < 0.9 ? pick(random, ["", "hello", "\xff\0", "e".repeat(60)]) : nameText(random);

/** Type numbers and how values of them are made; `value` nests less the deeper it is. */
type Value = readonly [type: number, value: (random: Random, depth: number) => Node];

const binaryValues: readonly Value[] = [
  [2, (random) => number(1, upTo(random, 2))],
  [3, (random) => i(1, random)],
  [4, (random) => i(8, random)],
  [6, (random) => i(2, random)],
  [8, (random) => i(4, random)],
  [10, (random) => i(8, random)],
  [11, (random) => sized(4, bytes(text(random)))],
  [12, (random, depth) => binaryStruct(random, depth)],
  [13, (random, depth) => binaryMap(random, depth)],
  [14, (random, depth) => binaryList(random, depth)],
  [15, (random, depth) => binaryList(random, depth)],
];

function binaryStruct(random: Random, depth: number): Node {
  const count = depth > 3 ? 0 : upTo(random, 3);
  const field = (_: unknown, at: number) => {
    const [type, value] = pick(random, binaryValues);
    return group(number(1, type), number(2, at), value(random, depth + 1));
  };
  return group(...Array.from({ length: count }, field), number(1, 0));
}

function binaryList(random: Random, depth: number): Node {
  const [type, value] = pick(random, depth > 3 ? binaryValues.slice(0, 6) : binaryValues);
  const of = Array.from({ length: upTo(random, 3) }, () => value(random, depth + 1));
  return group(number(1, type), counted(4, of));
}

function binaryMap(random: Random, depth: number): Node {
  const [keyType, key] = pick(random, binaryValues.slice(0, 6));
  const [type, value] = pick(random, binaryValues);
  const entry = () => group(key(random, depth + 1), value(random, depth + 1));
  const of = Array.from({ length: upTo(random, 2) }, entry);
  return group(number(1, keyType), number(1, type), counted(4, of));
}

const compactValues: readonly Value[] = [
  [1, () => group()],
  [2, () => group()],
  [3, (random) => i(1, random)],
  [4, (random) => number("varint", upTo(random, 70_000))],
  [5, (random) => number("varint", upTo(random, 2 ** 31))],
  [6, (random) => number("varint", upTo(random, 2 ** 31))],
  [7, (random) => i(8, random)],
  [8, (random) => sized("varint", bytes(text(random)))],
  [9, (random, depth) => compactList(random, depth)],
  [10, (random, depth) => compactList(random, depth)],
  [11, (random, depth) => compactMap(random, depth)],
  [12, (random, depth) => compactStruct(random, depth)],
];

function compactStruct(random: Random, depth: number): Node {
  const count = depth > 3 ? 0 : upTo(random, 3);
  const field = () => {
    const [type, value] = pick(random, compactValues);
    const isLong = random() < 0.2;
    const head = isLong ? group(number(1, type), number("varint", 8)) : number(1, 16 | type);
    return group(head, value(random, depth + 1));
  };
  return group(...Array.from({ length: count }, field), number(1, 0));
}

function compactList(random: Random, depth: number): Node {
  const [type, value] = pick(random, compactValues.slice(2, depth > 3 ? 8 : 12));
  const of = Array.from({ length: upTo(random, 3) }, () => value(random, depth + 1));
  if (random() < 0.5) return group(number(1, (of.length << 4) | type), ...of);
  return group(number(1, 0xf0 | type), counted("varint", of));
}

function compactMap(random: Random, depth: number): Node {
  const [type, value] = pick(random, compactValues.slice(2));
  const entry = () => group(sized("varint", bytes(text(random))), value(random, depth + 1));
  const of = Array.from({ length: upTo(random, 2) }, entry);
  return group(number("varint", of.length), number(1, 0x80 | type), ...of);
}

interface Message {
  readonly encoding: Encoding;
  readonly method: string;
  /** 1 call, 2 reply, 3 exception, 4 one-way. */
  readonly type: number;
  readonly seqid: Node;
  readonly body: Node;
}

export function message({ encoding, method, type, seqid, body }: Message): Node {
  if (encoding === "binary") {
    const head = number(4, 0x8001_0000 + type);
    return group(head, sized(4, bytes(method)), seqid, body);
  }
  const head = group(number(1, 0x82), number(1, (type << 5) | 1));
  return group(head, seqid, sized("varint", bytes(method)), body);
}

/** A message as deep as a stack, or with a list as long as memory. */
function hugeBody(random: Random, encoding: Encoding): Node {
  const depth = pick(random, [10, 100, 3_000, 60_000]);
  const count = pick(random, [1_000_000, 0x7fff_ffff, -1]);
  const [nested, list] =
    encoding === "binary"
      ? [
          Buffer.from([12, 0, 1]),
          group(number(1, 15), number(2, 1), number(1, 2), number(4, count)),
        ]
      : [Buffer.from([0x1c]), group(number(1, 0x19), number(1, 0xf3), number("varint", count))];
  if (random() < 0.5) return bytes(repeated(nested, depth));
  return group(list, bytes("\0".repeat(upTo(random, 100_000))));
}

function structOf(random: Random, encoding: Encoding): Node {
  if (random() < 0.04) return hugeBody(random, encoding);
  return encoding === "binary" ? binaryStruct(random, 0) : compactStruct(random, 0);
}

/** A field 1 that is a text, which endpoints look for. */
export const textBody = (encoding: Encoding, value: string): Node =>
  encoding === "binary"
    ? group(number(1, 11), number(2, 1), sized(4, bytes(value)), number(1, 0))
    : group(number(1, 0x18), sized("varint", bytes(value)), number(1, 0));

export const seqidOf = (encoding: Encoding, seqid: number): Node =>
  encoding === "binary" ? number(4, seqid) : number("varint", seqid);

export function thriftCall(random: Random, encoding: Encoding): Node {
  const old = encoding === "binary" && random() < 0.1;
  const [method, type] = [pick(random, methods), random() < 0.9 ? 1 : 4];
  const seqid = seqidOf(encoding, upTo(random, 1_000));
  const body = structOf(random, encoding);
  if (old) return group(sized(4, bytes(method)), number(1, type), seqid, body);
  return message({ encoding, method, type, seqid, body });
}

/** A response to a call of method `evil`; `seqid` is the call's. */
export function thriftResponse(random: Random, encoding: Encoding, seqid: Node): Node {
  const type = pick(random, [2, 2, 2, 3, 1, 4]);
  const method = pick(random, ["evil", "evil", "web", ""]);
  return message({ encoding, method, type, seqid, body: structOf(random, encoding) });
}

/** Around a message: a length, a THeader with fields and transforms, or nothing. */
export function enveloped(random: Random, envelope: Envelope, encoding: Encoding, of: Node): Node {
  if (envelope === "buffered") return of;
  if (envelope === "framed") return sized(4, of);
  const protocol = number("varint", encoding === "binary" ? 0 : 2);
  const transforms = counted("varint", random() < 0.9 ? [] : transformsOf(random));
  const pair = () => group(short(pick(random, ["service", "x", ""])), short(nameText(random)));
  const fields = Array.from({ length: upTo(random, 3) }, pair);
  const block = group(number("varint", pick(random, [1, 1, 2, 3, 0])), counted("varint", fields));
  return headerFrame(1, [protocol, transforms, block], of);
}

const transformsOf = (random: Random): Node[] =>
  Array.from({ length: pick(random, [1, 2, 10_000]) }, () => number("varint", upTo(random, 5)));
const short = (value: string): Node => sized("varint", bytes(value));

export function headerFrame(seqid: number, header: readonly Node[], of: Node): Node {
  return sized(4, number(2, 0x0fff), number(2, 0), number(4, seqid), words(...header), of);
}

/** What an upgraded caller sends before its message. */
export function ttwitterHeader(random: Random): Node {
  const field = (type: number, id: number, value: Node) =>
    group(number(1, type), number(2, id), value);
  const strings = (first: string, second: string) =>
    group(
      field(11, 1, sized(4, bytes(first))),
      field(11, 2, sized(4, bytes(second))),
      number(1, 0),
    );
  const contexts = [
    "com.twitter.finagle.Deadline",
    "com.twitter.finagle.tracing.TraceContext",
    "x",
  ];
  const context = () =>
    strings(pick(random, contexts), "\x01".repeat(pick(random, [0, 16, 32, 40])));
  const list = (of: readonly Node[]) => group(number(1, 12), counted(4, of));
  const all = [
    field(10, 1, i(8, random)),
    field(10, 2, i(8, random)),
    field(10, 3, i(8, random)),
    field(2, 5, number(1, 1)),
    field(12, 6, group(field(11, 1, sized(4, bytes(text(random)))), number(1, 0))),
    field(10, 7, i(8, random)),
    field(15, 8, list(Array.from({ length: upTo(random, 3) }, context))),
    field(11, 9, sized(4, bytes(nameText(random)))),
    field(15, 10, list(dtabEntries(random).map(([prefix, tree]) => strings(prefix, tree)))),
    field(10, 11, i(8, random)),
  ];
  return group(...all.filter(() => random() < 0.6), number(1, 0));
}

/** The call that upgrades a connection. */
export const upgradeCall = (): Node =>
  sized(
    4,
    message({
      encoding: "binary",
      method: "__can__finagle__trace__v3__",
      type: 1,
      seqid: number(4, 0),
      body: number(1, 0),
    }),
  );
