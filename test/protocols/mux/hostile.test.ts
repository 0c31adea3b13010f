// Bytes of peers that mean no good: nothing is thrown, nothing beyond the limits is held.
import assert from "node:assert/strict";
import { heldMemory } from "../../../src/runtime/held-memory.ts";
import { test } from "node:test";
import type { MuxRequest, MuxResponse } from "../../../protocols/mux/message.ts";
import { MuxResponse as Response } from "../../../protocols/mux/message.ts";
import { readDispatch } from "../../../protocols/mux/codec/readers.ts";
import { ClientCall } from "../../../protocols/mux/client/call.ts";
import { ServerConnection } from "../../../protocols/mux/server/connection.ts";
import type { ServerLimits } from "../../../protocols/mux/server/settings.ts";
import { ClientConnection } from "../../../protocols/mux/client/connection.ts";
import { ended } from "../../../src/core/service.ts";
import type { Reply } from "../../../src/core/service.ts";
import { simulatedClock } from "../../support/clock.ts";
import { FakeSocket } from "../../support/fake-socket.ts";
import { wireStats } from "../../support/http.ts";
import { seeded } from "../../support/random.ts";
import type { Random } from "../../../src/core/clock.ts";

const maxFrameBytes = 4_096;

const limits: ServerLimits = {
  maxFrameBytes,
  maxFragmentBytes: 1_024,
  maxOutstanding: 16,
  maxHeldBytes: 16_384,
  maxUnsentBytes: 1 << 20,
  stallTimeoutMs: 60_000,
  halfCloseGraceMs: 1_000,
  idleTimeMs: Infinity,
  lifeTimeMs: Infinity,
};

const log = { debug() {}, info() {}, warn() {}, error() {} };

interface Served {
  readonly socket: FakeSocket;
  /** Calls begun and not ended. */
  pending: number;
}

/** A server connection whose calls are answered immediately, later, or when they are cancelled. */
function served(random: Random): Served {
  const clock = simulatedClock();
  const socket = new FakeSocket();
  const state: Served = { socket, pending: 0 };
  const waiting: (() => void)[] = [];
  const counter = () => ({ value: 0 });
  const answered = new Response(0, Buffer.alloc(9), 9, 9, 0);
  const route = (_request: MuxRequest, reply: Reply<MuxResponse>) => {
    state.pending++;
    let isOver = false;
    const end = () => {
      if (isOver) return;
      isOver = true;
      state.pending--;
      reply.start(answered);
      reply.end(null);
    };
    if (random() < 0.5) {
      end();
      return ended;
    }
    waiting.push(end);
    if (random() < 0.3) waiting.shift()?.();
    return {
      cancel: (why: Parameters<Reply<MuxResponse>["end"]>[0]) => {
        if (isOver) return;
        isOver = true;
        state.pending--;
        reply.end(why);
      },
    };
  };
  new ServerConnection(socket.link, {
    limits,
    tlsLevel: "off",
    clock,
    log,
    route,
    render: ({ detail }) => ({ status: 1, flags: 0, text: detail, fault: null }),
    onCompleted() {},
    onRefused() {},
    onMalformed() {},
    owner: { opened() {}, closed() {} },
    receivedBytes: counter(),
    sentBytes: counter(),
  }).drained();
  return state;
}

/** A session with an endpoint, with some calls on it. */
function called(random: Random) {
  const clock = simulatedClock();
  const socket = new FakeSocket();
  let ends = 0;
  const session = new ClientConnection(
    socket.link,
    { host: "127.0.0.1", port: 1, weight: 1 },
    {
      clock,
      random,
      log,
      name: "endpoint",
      stats: wireStats(),
      options: {
        maxFrameBytes,
        maxFragmentBytes: 1_024,
        maxOutstanding: 16,
        pingIntervalMs: Infinity,
        pingTimeoutMs: 1,
        tlsLevel: "off",
        connectTimeoutMs: 1_000,
        maxWaitMs: 1_000,
        idleTimeMs: Infinity,
        lifeTimeMs: Infinity,
        socket: {
          noDelay: true,
          reusePort: false,
          keepAlive: null,
          backlog: null,
          readTimeoutMs: Infinity,
          writeTimeoutMs: Infinity,
        },
      },
    },
    {
      opened() {
        for (let i = 0; i < 8; i++) {
          const request = readDispatch(Buffer.from("0000000a02000002000000000000", "hex"));
          if ("problem" in request) throw new Error(request.problem);
          const reply = { start() {}, end: () => void ends++ };
          session.send(new ClientCall(request, reply, "endpoint", null));
        }
      },
      drains() {},
      closed() {},
    },
  );
  return { socket, session, ends: () => ends };
}

/** Messages that are good, as hex behind their size: what fuzz begins with. */
const good = [
  "7f00000174696e697420636865636b",
  "4400000100010000000a6d75782d6672616d6572000000040000040000000003746c73000000036f6666",
  "bc00000100010000000a6d75782d6672616d6572000000040000040000000003746c73000000036f6666",
  "0200000300000004 2f782f79 0001 0002 2f61 0002 2f62 68656c6c6f",
  "02800004000100016b000176",
  "02000004000000000000",
  "0100000502011800000000000000030000000000000002000000000000000102010168",
  "fe00000200000068656c6c6f",
  "fe80000300000168",
  "fe000003026b",
  "ff00000400",
  "be000002",
  "41000001",
  "bf000001",
  "40000001",
  "c0000001",
  "c2000000000003676f6e65",
  "43000000000000000000002710",
  "80000005626f6f6d",
].map((hex) => Buffer.from(hex.replaceAll(" ", ""), "hex"));

function frameOf(body: Buffer): Buffer {
  const size = Buffer.alloc(4);
  size.writeInt32BE(body.length);
  return Buffer.concat([size, body]);
}

const pick = <T>(random: Random, list: readonly T[]): T =>
  list[Math.floor(random() * list.length)] as T;

/** Some messages, a few of them damaged: a byte changed, cut off, a wrong size. */
function stream(random: Random): Buffer {
  const parts = Array.from({ length: 1 + Math.floor(random() * 12) }, () => {
    const body = Buffer.from(pick(random, good));
    if (random() < 0.2) body[Math.floor(random() * body.length)] = Math.floor(random() * 256);
    const frame = frameOf(random() < 0.1 ? body.subarray(0, random() * body.length) : body);
    if (random() < 0.02) frame.writeInt32BE((random() * 2 ** 32) | 0, 0);
    return frame;
  });
  return Buffer.concat(parts);
}

/** In pieces of any length. */
function feed(socket: FakeSocket, bytes: Buffer, random: Random): void {
  for (let at = 0; at < bytes.length && !socket.destroyed && !socket.hasEnded;) {
    const end = Math.min(bytes.length, at + 1 + Math.floor(random() * 64));
    socket.receive(bytes.toString("latin1", at, end));
    at = end;
  }
}

/** Runs with all allocations of buffers watched; gives the largest, in bytes. */
function largestAllocation(run: () => void): number {
  const { alloc, allocUnsafe, allocUnsafeSlow } = Buffer;
  let largest = 0;
  const watched =
    <A extends unknown[]>(make: (size: number, ...rest: A) => Buffer<ArrayBuffer>) =>
    (size: number, ...rest: A) => {
      largest = Math.max(largest, size);
      return make(size, ...rest);
    };
  Buffer.alloc = watched(alloc);
  Buffer.allocUnsafe = watched(allocUnsafe);
  Buffer.allocUnsafeSlow = watched(allocUnsafeSlow);
  try {
    run();
  } finally {
    Object.assign(Buffer, { alloc, allocUnsafe, allocUnsafeSlow });
  }
  return largest;
}

/** What small writes are joined in, and what text an error may have. */
const ownBufferBytes = 64 * 1024;

test("a server takes damaged messages without an exception, and no call is forgotten", async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const random = seeded(seed);
  for (let round = 0; round < 1_000; round++) {
    const state = served(random);
    const bytes = stream(random);
    try {
      const largest = largestAllocation(() => feed(state.socket, bytes, random));
      assert.ok(largest <= ownBufferBytes, `allocated ${largest} bytes`);
      await Promise.resolve(); // what was written leaves
      state.socket.emit("close");
      assert.equal(state.pending, 0, "calls in progress though the caller has gone");
    } catch (error) {
      throw new Error(`seed ${seed}, round ${round}: ${bytes.toString("hex")}`, { cause: error });
    }
  }
});

test("a session takes damaged messages without an exception, and every call ends once", async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const random = seeded(seed);
  for (let round = 0; round < 1_000; round++) {
    const { socket, session, ends } = called(random);
    const handshake = Buffer.concat(
      [good[0] ?? "", good[2] ?? ""].map((each) => frameOf(Buffer.from(each))),
    );
    const bytes = Buffer.concat([handshake, stream(random)]);
    try {
      const largest = largestAllocation(() => feed(socket, bytes, random));
      assert.ok(largest <= ownBufferBytes, `allocated ${largest} bytes`);
      await Promise.resolve(); // what was written leaves
      session.close();
      assert.equal(ends(), 8);
    } catch (error) {
      throw new Error(`seed ${seed}, round ${round}: ${bytes.toString("hex")}`, { cause: error });
    }
  }
});

/** Room for the beginning of a frame that is not complete. */
const partialFrameBytes = 4 * 1024;

test("neither announced sizes nor fragments make anybody allocate beyond the limit", () => {
  const random = seeded(1);
  const fragment = (tag: number) =>
    frameOf(Buffer.concat([Buffer.of(2, 0x80, 0, tag), Buffer.alloc(1_000)]));
  const attacks: readonly (readonly [name: string, bytes: Buffer])[] = [
    ["a size of the limit and nothing more", Buffer.from("00001000", "hex")],
    ["a size of 2 GiB", Buffer.from("7fffffff02", "hex")],
    [
      "one message in fragments without end",
      Buffer.concat(Array.from({ length: 50 }, () => fragment(9))),
    ],
    [
      "many messages in fragments",
      Buffer.concat(Array.from({ length: 200 }, (_, i) => fragment(i + 2))),
    ],
    [
      "a thousand contexts that are not there",
      frameOf(Buffer.concat([Buffer.from("0200000203e8", "hex"), Buffer.alloc(100)])),
    ],
  ];
  for (const [name, bytes] of attacks) {
    const before = heldMemory.bytes;
    const { socket } = served(random);
    const largest = largestAllocation(() => feed(socket, bytes, random));
    assert.ok(
      largest <= Math.max(maxFrameBytes + 4, ownBufferBytes),
      `${name}: allocated ${largest} bytes`,
    );
    const heldBytes = heldMemory.bytes - before;
    const mostBytes = limits.maxHeldBytes + maxFrameBytes + partialFrameBytes;
    assert.ok(heldBytes <= mostBytes, `${name}: holds ${heldBytes} bytes`);
    socket.link.receiver.closed(null);
    assert.equal(heldMemory.bytes, before, `${name}: after the caller left`);
  }
});
