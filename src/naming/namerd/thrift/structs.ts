// The structs of idl/namer.thrift as tables: number and type of each field. A test compares the two.

export type FieldType =
  | "binary"
  | "string"
  | "i32"
  | "double"
  | { readonly list: FieldType }
  | { readonly set: FieldType }
  /** With whole numbers as keys. */
  | { readonly map: FieldType }
  | Struct;

/** By the name of the field. A union is a struct of which one field is there. */
export interface Struct {
  readonly name: string;
  readonly fields: Readonly<Record<string, readonly [id: number, type: FieldType]>>;
}

const struct = (name: string, fields: Struct["fields"]): Struct => ({ name, fields });

const path: FieldType = { list: "binary" };

const nothing = struct("Void", {});

const nameRef = struct("NameRef", { stamp: [1, "binary"], name: [2, path], ns: [3, "string"] });

const bindReq = struct("BindReq", {
  dtab: [1, "string"],
  name: [2, nameRef],
  clientId: [3, path],
});

const boundName = struct("BoundName", { id: [1, path], residual: [2, path] });

const weightedNodeId = struct("WeightedNodeId", { weight: [1, "double"], id: [2, "i32"] });

const boundNode = struct("BoundNode", {
  neg: [1, nothing],
  empty: [2, nothing],
  fail: [3, nothing],
  leaf: [4, boundName],
  alt: [5, { list: "i32" }],
  weighted: [6, { list: weightedNodeId }],
});

const boundTree = struct("BoundTree", { root: [1, boundNode], nodes: [2, { map: boundNode }] });

const bound = struct("Bound", { stamp: [1, "binary"], tree: [2, boundTree], ns: [3, "string"] });

const bindFailure = struct("BindFailure", {
  reason: [1, "string"],
  retryInSeconds: [2, "i32"],
  name: [3, nameRef],
  ns: [4, "string"],
});

const addrReq = struct("AddrReq", { name: [1, nameRef], clientId: [2, path] });

const addrMeta = struct("AddrMeta", {
  authority: [1, "string"],
  nodeName: [2, "string"],
  endpoint_addr_weight: [3, "double"],
});

const transportAddress = struct("TransportAddress", {
  ip: [1, "binary"],
  port: [2, "i32"],
  meta: [3, addrMeta],
});

const boundAddr = struct("BoundAddr", {
  addresses: [1, { set: transportAddress }],
  meta: [2, addrMeta],
});

const addrVal = struct("AddrVal", { bound: [1, boundAddr], neg: [2, nothing] });

const addr = struct("Addr", { stamp: [1, "binary"], value: [2, addrVal] });

const addrFailure = struct("AddrFailure", {
  reason: [1, "string"],
  retryInSeconds: [2, "i32"],
  name: [3, nameRef],
});

const transformation = struct("Transformation", { value: [1, boundName], tree: [2, "i32"] });

const delegateContents = struct("DelegateContents", {
  error: [1, "string"],
  empty: [2, nothing],
  fail: [3, nothing],
  neg: [4, nothing],
  delegate: [5, "i32"],
  boundLeaf: [6, boundName],
  pathLeaf: [7, path],
  alt: [8, { list: "i32" }],
  weighted: [9, { list: weightedNodeId }],
  transformation: [10, transformation],
});

const delegateNode = struct("DelegateNode", {
  path: [1, path],
  dentry: [2, "string"],
  contents: [3, delegateContents],
});

const delegateTree = struct("DelegateTree", {
  root: [1, delegateNode],
  nodes: [2, { map: delegateNode }],
});

const delegation = struct("Delegation", {
  stamp: [1, "binary"],
  tree: [2, delegateTree],
  ns: [3, "string"],
});

const delegateReq = struct("DelegateReq", {
  dtab: [1, "string"],
  delegation: [2, delegation],
  clientId: [3, path],
});

const delegationFailure = struct("DelegationFailure", { reason: [1, "string"] });

const dtabReq = struct("DtabReq", { stamp: [1, "binary"], ns: [2, "string"], clientId: [3, path] });

const dtabRef = struct("DtabRef", { stamp: [1, "binary"], dtab: [2, "string"] });

const dtabFailure = struct("DtabFailure", { reason: [1, "string"] });

export interface Method {
  /** The struct of its arguments. */
  readonly args: Struct;
  /** A union: `success`, or its exception as `failure`. */
  readonly result: Struct;
}

const method = (req: Struct, success: Struct, failure: Struct): Method => ({
  args: struct("args", { req: [1, req] }),
  result: struct("result", { success: [0, success], failure: [1, failure] }),
});

/** The service `Namer`. */
export const methods = {
  bind: method(bindReq, bound, bindFailure),
  addr: method(addrReq, addr, addrFailure),
  delegate: method(delegateReq, delegation, delegationFailure),
  dtab: method(dtabReq, dtabRef, dtabFailure),
} satisfies Readonly<Record<string, Method>>;

export type MethodName = keyof typeof methods;
