// The tables of the service Namer are those of its interface file, and survive a round trip.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { pathLiteral } from "../../src/core/names/path.ts";
import type { NameTree } from "../../src/core/names/nametree.ts";
import { empty, fail, leaf, neg } from "../../src/core/names/nametree.ts";
import type { Delegation } from "../../src/core/naming.ts";
import { loadCodec } from "../../src/naming/namerd/thrift/codec.ts";
import type { Fields } from "../../src/naming/namerd/thrift/codec.ts";
import type { RemoteBound } from "../../src/naming/namerd/remote.ts";
import { methods } from "../../src/naming/namerd/thrift/structs.ts";
import type { FieldType, Struct } from "../../src/naming/namerd/thrift/structs.ts";
import * as trees from "../../src/naming/namerd/thrift/trees.ts";

const checkout = new URL("../../../", import.meta.url);
const idl = readFileSync(new URL("idl/namer.thrift", checkout), "utf8");

/** Each struct of the file: its fields as `number type name`. */
function structsOfFile(): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const [, name = "", body = ""] of idl.matchAll(
    /(?:struct|union|exception) (\w+) \{([^}]*)\}/g,
  )) {
    const fields = [...body.matchAll(/(\d+): (?:optional )?(\w+(?:<[^>]*>)?) (\w+)/g)];
    found.set(
      name,
      fields.map(([, id, type, field]) => `${id} ${plainType(type ?? "")} ${field}`),
    );
  }
  return found;
}

const typedefs: Readonly<Record<string, string>> = {
  Path: "list<binary>",
  Ns: "string",
  Dtab: "string",
  Stamp: "binary",
  NodeId: "i32",
};

function plainType(type: string): string {
  return type.replaceAll(/\w+/g, (word) => typedefs[word] ?? word);
}

function shown(type: FieldType): string {
  if (typeof type === "string") return type;
  if ("list" in type) return `list<${shown(type.list)}>`;
  if ("set" in type) return `set<${shown(type.set)}>`;
  return "map" in type ? `map<i32,${shown(type.map)}>` : type.name;
}

function collect(type: FieldType, into: Map<string, Struct>): void {
  if (typeof type === "string") return;
  if ("list" in type) return collect(type.list, into);
  if ("set" in type) return collect(type.set, into);
  if ("map" in type) return collect(type.map, into);
  if (into.has(type.name)) return;
  into.set(type.name, type);
  for (const [, inner] of Object.values(type.fields)) collect(inner, into);
}

test("every struct has the numbers, types and names of idl/namer.thrift", () => {
  const tables = new Map<string, Struct>();
  for (const { args, result } of Object.values(methods)) {
    for (const { fields } of [args, result]) {
      for (const [, type] of Object.values(fields)) collect(type, tables);
    }
  }
  const file = structsOfFile();
  assert.deepEqual([...tables.keys()].sort(), [...file.keys()].sort());
  for (const [name, { fields }] of tables) {
    const lines = Object.entries(fields).map(
      ([field, [id, type]]) => `${id} ${shown(type)} ${field}`,
    );
    assert.deepEqual(
      lines,
      file.get(name)?.map((line) => line.replaceAll(", ", ",")),
      name,
    );
  }
});

const bound = (id: string, residual = "/"): NameTree<RemoteBound> =>
  leaf({ id: pathLiteral(id), residual: pathLiteral(residual) });

for (const [what, tree] of [
  ["a leaf with a residual", bound("/#/io.l5d.fs/web", "/a/b")],
  ["segments of any bytes", bound("/#/x/\\xff\\x00\\x2f")],
  ["neg", neg],
  ["empty", empty],
  ["fail", fail],
  [
    "alternatives of unions",
    {
      kind: "alt",
      trees: [
        {
          kind: "union",
          branches: [
            { weight: 0.3, tree: bound("/#/a") },
            { weight: 7, tree: { kind: "alt", trees: [bound("/#/b"), neg] } },
          ],
        },
        bound("/#/c"),
      ],
    },
  ],
] as const satisfies readonly (readonly [string, NameTree<RemoteBound>])[]) {
  test(`a tree comes back as it was: ${what}`, async () => {
    const codec = await loadCodec();
    const success = { stamp: Buffer.from("x"), tree: trees.treeFields(tree), ns: "default" };
    const read = codec.readReply("bind", codec.reply("bind", 1, { success }));
    assert.deepEqual(trees.readTree((read["success"] as Fields)["tree"] as Fields), tree);
  });
}

test("addresses come back as they were: IPv4, IPv6, weights and metadata", async () => {
  const codec = await loadCodec();
  const addresses = [
    { host: "127.0.0.1", port: 1, weight: 1 },
    { host: "::1", port: 65_535, weight: 0.5 },
    { host: "2001:db8::ff:0:1", port: 80, weight: 1, meta: { authority: "web", nodeName: "n1" } },
  ];
  const success = { stamp: Buffer.alloc(8), value: trees.addressFields(addresses) };
  const read = codec.readReply("addr", codec.reply("addr", 1, { success }));
  assert.deepEqual(trees.readAddresses((read["success"] as Fields)["value"] as Fields), addresses);
});

test("a delegation comes back as it was, without addresses", () => {
  const delegation: Delegation = {
    type: "delegate",
    path: "/svc/web",
    delegate: {
      type: "alt",
      path: "/host/web",
      dentry: { prefix: "/svc", dst: "/host" },
      alt: [
        { type: "neg", path: "/#/a", dentry: { prefix: "/host", dst: "/#/a | /#/b" } },
        { type: "exception", path: "/#/b", message: "Consul is away" },
      ],
    },
  };
  assert.deepEqual(trees.readDelegation(trees.delegationFields(delegation)), delegation);
});

test("a table that leads in circles is refused", () => {
  const circle = { root: { alt: [0, 0] }, nodes: new Map([[0, { alt: [0, 0] }]]) };
  assert.throws(() => trees.readTree(circle));
});

test("a tree that is too deep, too large or has impossible weights is refused, and so is its delegation", () => {
  const chain = (count: number) =>
    new Map(
      Array.from({ length: count }, (_, i) => [i, { alt: [i + 1], contents: { delegate: i + 1 } }]),
    );
  const root = { alt: [0], contents: { delegate: 0 } };
  assert.throws(() => trees.readTree({ root, nodes: chain(4_000) }), /more than 200 nodes/);
  assert.throws(() => trees.readDelegation({ root, nodes: chain(4_000) }), /more than 200 nodes/);
  const wide = {
    root: { alt: Array.from({ length: 20_000 }, () => 0) },
    nodes: new Map([[0, { neg: {} }]]),
  };
  assert.throws(() => trees.readTree(wide), /more than 20000 nodes/);
  for (const weight of [-1, NaN, Infinity]) {
    const nodes = new Map([[0, { neg: {} }]]);
    assert.throws(
      () => trees.readTree({ root: { weighted: [{ weight, id: 0 }] }, nodes }),
      /weight/,
    );
  }
});

test("calls and replies are bounded in bytes and values", async () => {
  const codec = await loadCodec();
  const call = (segments: number, bytes: number) =>
    codec.call("bind", {
      req: {
        dtab: "d".repeat(bytes),
        name: {
          stamp: Buffer.alloc(0),
          ns: "n",
          name: Array.from({ length: segments }, () => Buffer.alloc(0)),
        },
        clientId: [],
      },
    });
  assert.equal(codec.readCall(call(9_000, 0)).kind, "call");
  assert.throws(() => codec.readCall(call(10_000, 0)), /too many values/);
  assert.throws(() => codec.readCall(call(0, 1024 * 1024)), /longer than 1048576 bytes/);
  const reply = (length: number) =>
    codec.reply("addr", 1, {
      success: { stamp: Buffer.alloc(length), value: { neg: {} } },
    });
  assert.ok(codec.readReply("addr", reply(4_000_000)));
  assert.throws(() => codec.readReply("addr", reply(4 * 1024 * 1024)), /longer than 4194304 bytes/);
});

test("bytes that are cut off anywhere, or changed, throw and do not hang", async () => {
  const codec = await loadCodec();
  const tree = trees.treeFields(bound("/#/io.l5d.fs/web"));
  const whole = codec.reply("bind", 1, {
    success: { stamp: Buffer.alloc(8), tree, ns: "default" },
  });
  for (let length = 0; length < whole.length; length++) {
    assert.throws(() => codec.readReply("bind", whole.subarray(0, length)), `cut at ${length}`);
  }
  for (let at = 0; at < whole.length; at++) {
    const changed = Buffer.from(whole);
    changed[at] = 0xff;
    try {
      codec.readReply("bind", changed);
    } catch {
      // it may also be read as something else
    }
  }
});
