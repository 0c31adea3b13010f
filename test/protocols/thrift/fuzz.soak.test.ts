// Bytes that nobody meant: the codecs neither throw nor hold more than they may.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { WireFormat, Transport } from "../../../protocols/thrift/message.ts";
import { onewayDone } from "../../../protocols/thrift/message.ts";
import { Skipper } from "../../../protocols/thrift/codec/skipper.ts";
import type { ThriftProtocol } from "../../../protocols/thrift/codec/types.ts";
import type { Random } from "../../../src/core/clock.ts";
import { seeded } from "../../support/random.ts";
import { dialled, dialDone, serve } from "./harness.ts";
import { callFrame, replyFrame } from "./messages.ts";

const seed = Number(process.env["FUZZ_SEED"] ?? Date.now() % 1_000_000);
const rounds = Number(process.env["FUZZ_ROUNDS"] ?? 400);
const maxFrameBytes = 4096;

const file = new URL("../../../../test/vectors/thrift.json", import.meta.url);
const { vectors } = JSON.parse(readFileSync(file, "utf8")) as {
  readonly vectors: readonly { readonly hex: string }[];
};
/** A THeader frame with two fields around a call of `get`. */
const headerFrame =
  "000000330fff000000000009000400000102016101620263640265660000800100010000" +
  "0003676574000000070b000100000002697400";
const seeds = [...vectors.map(({ hex }) => hex), headerFrame].map((hex) => Buffer.from(hex, "hex"));

const below = (random: Random, limit: number): number => Math.floor(random() * limit);

/** Some vectors, with or without their lengths, with bytes changed, lost, doubled, or of chance. */
function stream(random: Random, isFramed: boolean): Buffer {
  const parts = Array.from({ length: 1 + below(random, 5) }, () => {
    const vector = seeds[below(random, seeds.length)] as Buffer;
    return isFramed ? vector : vector.subarray(4);
  });
  let bytes = Buffer.concat(parts);
  for (let change = below(random, 6); change > 0 && bytes.length > 0; change--) {
    const at = below(random, bytes.length);
    switch (below(random, 4)) {
      case 0:
        bytes[at] = below(random, 256);
        break;
      case 1:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + below(random, 4))]);
        break;
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes]);
        break;
      default:
        bytes.fill(below(random, 2) * 0xff, at, Math.min(bytes.length, at + 4));
    }
  }
  return bytes;
}

function pieces(random: Random, bytes: Buffer): string[] {
  const found: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = Math.min(bytes.length, at + 1 + below(random, random() < 0.5 ? 4 : 400));
    found.push(bytes.toString("latin1", at, end));
    at = end;
  }
  return found;
}

/** Fails when more was asked for at once than a frame may have. */
function watchAllocations(t: TestContext): () => void {
  const seen = ["allocUnsafe", "allocUnsafeSlow"].map((name) =>
    t.mock.method(Buffer, name as "allocUnsafe"),
  );
  return () => {
    for (const { mock } of seen) {
      for (const {
        arguments: [bytes],
      } of mock.calls) {
        assert.ok((bytes ?? 0) <= 4 * maxFrameBytes, `${bytes} bytes were allocated at once`);
      }
      mock.resetCalls();
    }
  };
}

const speeches = (["framed", "buffered", "header"] as const).flatMap((transport: Transport) =>
  (["binary", "compact"] as const).map((protocol: ThriftProtocol) => ({ transport, protocol })),
);

/** One caller with these bytes: whatever they are, it is closed or waited for, and then forgotten. */
function serveFuzz(random: Random, wireFormat: Partial<WireFormat>): void {
  const served = serve({
    wireFormat: { ...wireFormat, maxFrameBytes },
    response: ({ method, seqid }) => (random() < 0.5 ? replyFrame(method, seqid) : null),
  });
  const { socket, calls, clock } = served;
  for (const piece of pieces(random, stream(random, wireFormat.transport !== "buffered"))) {
    socket.receive(piece);
    assert.ok(socket.isReading || calls.length > 0);
  }
  for (const call of calls) call.respond(replyFrame(call.request.method, call.request.seqid));
  socket.emit("end");
  clock.advance(10_000);
  assert.ok(socket.hasEnded || socket.destroyed, "nobody is left waiting");
  socket.destroyed = true;
  socket.emit("close");
  assert.ok(served.isForgotten);
}

for (const wireFormat of speeches) {
  test(`a server of ${wireFormat.transport} ${wireFormat.protocol} outlives any bytes`, (t) => {
    const assertAllocations = watchAllocations(t);
    for (let round = 0; round < rounds; round++) {
      const run = `FUZZ_SEED=${seed}, round ${round}`;
      try {
        serveFuzz(seeded(seed + round), wireFormat);
        assertAllocations();
      } catch (error) {
        throw new Error(`with ${run}`, { cause: error });
      }
    }
  });

  test(`a client of ${wireFormat.transport} ${wireFormat.protocol} survives any response`, async (t) => {
    const { request } = requestFor();
    const assertAllocations = watchAllocations(t);
    for (let round = 0; round < rounds / 4; round++) {
      const random = seeded(seed + round);
      const wire = dialled({ ...wireFormat, maxFrameBytes });
      const sent = wire.send(request);
      await dialDone();
      for (const piece of pieces(random, stream(random, wireFormat.transport !== "buffered"))) {
        wire.socket.receive(piece);
      }
      wire.socket.emit("close");
      assert.ok(sent.end !== null, `never ended, with FUZZ_SEED=${seed}, round ${round}`);
      assert.equal(wire.pooled, 0);
      assertAllocations();
    }
  });
}

function requestFor() {
  const { socket, calls } = serve();
  socket.receive(callFrame("ping", 1).toString("latin1"));
  const [call] = calls;
  assert.ok(call);
  call.respond(onewayDone().frame);
  return call;
}

test("a walk over any bytes ends, and never beyond the limit", () => {
  for (let round = 0; round < rounds * 10; round++) {
    const random = seeded(seed + round);
    const bytes = stream(random, false);
    const skipper = new Skipper();
    skipper.beginMessage(200);
    const whole = skipper.push(bytes, 0, bytes.length);
    const problem = skipper.problem;
    assert.ok(whole <= 201, `FUZZ_SEED=${seed}, round ${round}`);
    skipper.beginMessage(200);
    let at = 0;
    while (at < whole) at = skipper.push(bytes, at, Math.min(whole, at + 1 + below(random, 3)));
    assert.deepEqual([at, skipper.problem], [whole, problem], `FUZZ_SEED=${seed}, round ${round}`);
  }
});
