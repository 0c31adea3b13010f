// Every format of a trace to every other that a router can translate it to: ids, parent, decision.
//
//   mux: TraceContext of a Tdispatch, keys of a Treq    TTwitter: fields of the header, or a context
//
// Those of HTTP are in http-traces.test.ts: no router speaks HTTP on one side and mux on the other.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { muxClient, muxService } from "../support/mux-peer.ts";
import { startProxy } from "../support/proxy.ts";
import { rawCaller, rawEndpoint } from "../support/raw.ts";
import { binary, framed, read, readMessages } from "../support/thrift-bytes.ts";

const traceKey = "com.twitter.finagle.tracing.TraceContext";
const upgrade = "__can__finagle__trace__v3__";
const call = binary({ method: "get", seqid: 3 });

/** A trace as one side sends or sees it. */
interface Trace {
  readonly span: bigint;
  readonly parent: bigint;
  readonly trace: bigint;
  /** The upper half of a 128-bit trace id; null: 64 bits. */
  readonly high: bigint | null;
  /** null: undecided. */
  readonly sampled: boolean | null;
  readonly isDebug: boolean;
}

/** Of a trace's flags; `null` with `isDebug` is sampled, too. */
function flagsOf({ sampled, isDebug }: Trace): bigint {
  return (isDebug ? 1n : 0n) | (sampled === null ? 0n : sampled ? 6n : 2n);
}

function bytesOf(trace: Trace): Buffer {
  const longs = [trace.span, trace.parent, trace.trace, flagsOf(trace)];
  if (trace.high !== null) longs.push(trace.high);
  const bytes = Buffer.alloc(8 * longs.length);
  longs.forEach((long, i) => bytes.writeBigInt64BE(long, 8 * i));
  return bytes;
}

function traceIn(bytes: Buffer): Trace {
  const [span = 0n, parent = 0n, trace = 0n, flags = 0n, high = null] = Array.from(
    { length: bytes.length / 8 },
    (_, i) => bytes.readBigInt64BE(8 * i),
  );
  return { span, parent, trace, high, ...decisionIn(flags) };
}

function decisionIn(flags: bigint): Pick<Trace, "sampled" | "isDebug"> {
  const isDebug = (flags & 1n) !== 0n;
  const sampled = (flags & 2n) === 0n ? (isDebug ? true : null) : (flags & 4n) !== 0n;
  return { sampled, isDebug };
}

// TTwitter's header, written and read by hand: fields of a binary struct.

const short = (n: number) => Buffer.of(n >> 8, n & 255);
const long = (id: number, value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return Buffer.concat([Buffer.of(10), short(id), bytes]);
};
const text = (id: number, value: Uint8Array): Buffer => {
  const length = Buffer.alloc(4);
  length.writeInt32BE(value.length);
  return Buffer.concat([Buffer.of(11), short(id), length, value]);
};

/** The trace in fields of the header. */
function fieldsOf(trace: Trace): Buffer {
  const { sampled, isDebug, high } = trace;
  return Buffer.concat([
    long(1, trace.trace),
    long(2, trace.span),
    long(3, trace.parent),
    sampled === null ? Buffer.alloc(0) : Buffer.of(2, 0, 5, sampled ? 1 : 0),
    long(7, isDebug ? 1n : 0n),
    high === null ? Buffer.alloc(0) : long(11, high),
    Buffer.of(0),
  ]);
}

/** The trace in a context, with fields that say something else. */
function contextOf(trace: Trace): Buffer {
  const entry = Buffer.concat([text(1, Buffer.from(traceKey)), text(2, bytesOf(trace))]);
  const list = Buffer.concat([Buffer.of(15, 0, 8, 12, 0, 0, 0, 1), entry, Buffer.of(0)]);
  return Buffer.concat([long(1, 999n), long(2, 999n), list, Buffer.of(0)]);
}

/** The numbers and booleans of the struct at `start`, by field id, and where it ends. */
function readFields(
  bytes: Buffer,
  start = 0,
): { fields: ReadonlyMap<number, bigint>; end: number } {
  const fields = new Map<number, bigint>();
  let at = start;
  while (bytes[at] !== 0) {
    const [type, id] = [bytes[at], bytes.readUInt16BE(at + 1)];
    at += 3;
    if (type === 10) fields.set(id, bytes.readBigInt64BE(at));
    else if (type === 2) fields.set(id, BigInt(bytes[at] ?? 0));
    at = endOf(bytes, at, type);
  }
  return { fields, end: at + 1 };
}

/** The end of a value; lists are of structs. */
function endOf(bytes: Buffer, at: number, type: number | undefined): number {
  if (type === 2) return at + 1;
  if (type === 10) return at + 8;
  if (type === 11) return at + 4 + bytes.readInt32BE(at);
  assert.equal(type, 15);
  let end = at + 5;
  for (let i = 0; i < bytes.readInt32BE(at + 1); i++) ({ end } = readFields(bytes, end));
  return end;
}

function traceInFields(bytes: Buffer): Trace {
  const { fields } = readFields(bytes);
  const { isDebug } = decisionIn(fields.get(7) ?? 0n);
  const sampled = fields.has(5) ? fields.get(5) === 1n : null;
  return {
    span: fields.get(2) ?? 0n,
    parent: fields.get(3) ?? 0n,
    trace: fields.get(1) ?? 0n,
    high: fields.get(11) ?? null,
    sampled,
    isDebug,
  };
}

// Callers.

type Sender = (t: TestContext, port: number, trace: Trace) => Promise<void>;

async function sendUpgraded(t: TestContext, port: number, header: Buffer): Promise<void> {
  const caller = rawCaller(t, port);
  caller.send(framed(binary({ method: upgrade, seqid: 0 })));
  await caller.bytes(4 + binary({ method: upgrade, seqid: 0, type: 2 }).length);
  caller.send(framed(Buffer.concat([header, call])));
  await caller.bytes(4 + 1 + binary({ method: "get", seqid: 3, type: 2 }).length);
  caller.socket.destroy();
}

const senders: Readonly<Record<string, Sender>> = {
  "a mux context": async (t, port, trace) => {
    const client = await muxClient(t, port);
    await client.dispatch({ payload: call, contexts: [[traceKey, bytesOf(trace)]] });
  },
  "the keys of a Treq": async (t, port, trace) => {
    const client = await muxClient(t, port);
    const flags = Buffer.of(Number(flagsOf(trace)));
    await client.req(call, [
      ["1", bytesOf(trace).subarray(0, 24)],
      ["2", flags],
    ]);
  },
  "a TTwitter header": (t, port, trace) => sendUpgraded(t, port, fieldsOf(trace)),
  "a TTwitter context": (t, port, trace) => sendUpgraded(t, port, contextOf(trace)),
};

// Endpoints.

interface Receiver {
  readonly port: number;
  readonly keys: string;
  readonly seen: readonly Trace[];
}

const receivers: Readonly<Record<string, (t: TestContext) => Promise<Receiver>>> = {
  async "a mux context"(t) {
    const seen: Trace[] = [];
    const { port } = await muxService(t, ({ contexts, payload, ok }) => {
      for (const [key, value] of contexts) if (key === traceKey) seen.push(traceIn(value));
      ok(binary({ ...read(payload), type: 2, body: Buffer.of(0) }));
    });
    return { port, keys: "thriftMux: true", seen };
  },
  async "a TTwitter header"(t) {
    const seen: Trace[] = [];
    const { port } = await rawEndpoint(t, (peer) => {
      readMessages(peer.socket, (message) => {
        if (message[0] === 0x80) {
          peer.send(framed(binary({ method: upgrade, seqid: 0, type: 2 })));
          return;
        }
        seen.push(traceInFields(message));
        const reply = binary({ method: "get", seqid: 3, type: 2 });
        peer.send(framed(Buffer.concat([Buffer.of(0), reply])));
      });
    });
    return { port, keys: "attemptTTwitterUpgrade: true", seen };
  },
};

const traces: readonly Trace[] = [null, 0x1122334455667788n].flatMap((high) =>
  [null, true, false].flatMap((sampled) =>
    [false, true].map((isDebug) => ({
      span: 0x0101010101010101n,
      parent: -2n,
      trace: 0x7f00000000000003n,
      high,
      sampled,
      isDebug,
    })),
  ),
);

for (const [from, send] of Object.entries(senders)) {
  for (const [to, receive] of Object.entries(receivers)) {
    test(`a trace in ${from} arrives in ${to}: ids, parent and decision`, async (t) => {
      const endpoint = await receive(t);
      const proxy = await startProxy(
        t,
        `
routers:
- protocol: thriftmux
  dtab: /svc => /$/inet/127.1/${endpoint.port} ;
  servers: [{ port: 0 }]
  client: { ${endpoint.keys} }
`,
      );
      for (const sent of traces) {
        if (from === "the keys of a Treq" && sent.high !== null) continue; // has no place for it
        await send(t, proxy.port, sent);
        const got = (endpoint.seen as Trace[]).pop();
        assert.ok(got !== undefined, "no trace arrived");
        assert.notEqual(got.span, sent.span, "an attempt is a span of its own");
        const expected = {
          parent: sent.span,
          trace: sent.trace,
          high: sent.high,
          sampled: sent.isDebug ? true : sent.sampled, // debug means sampled
          isDebug: sent.isDebug,
        };
        const { span: _, ...rest } = got;
        const name = JSON.stringify({ high: sent.high !== null, sampled: sent.sampled });
        assert.deepEqual({ ...rest, sampled: rest.isDebug ? true : rest.sampled }, expected, name);
      }
      assert.equal(endpoint.seen.length, 0);
    });
  }
}

test("calls without a trace begin one at an upgraded endpoint, and none at a mux endpoint", async (t) => {
  const send = {
    mux: async (port: number) =>
      void (await (await muxClient(t, port)).dispatch({ payload: call, contexts: [["k", "v"]] })),
    ttwitter: (port: number) => sendUpgraded(t, port, Buffer.of(0)),
  };
  for (const [to, receive] of Object.entries(receivers)) {
    const endpoint = await receive(t);
    const proxy = await startProxy(
      t,
      `
routers:
- protocol: thriftmux
  dtab: /svc => /$/inet/127.1/${endpoint.port} ;
  servers: [{ port: 0 }]
  client: { ${endpoint.keys} }
`,
    );
    for (const call of Object.values(send)) {
      await call(proxy.port);
      const got = (endpoint.seen as Trace[]).pop();
      if (to === "a mux context") assert.equal(got, undefined);
      else {
        assert.ok(got !== undefined && got.trace !== 0n);
        assert.deepEqual([got.span, got.parent], [got.trace, 0n], "a root span");
      }
    }
  }
});
