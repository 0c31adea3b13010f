// The table of test/vectors/mux.json: messages as Finagle reads them, however their bytes arrive.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import {
  readDispatch,
  readLocalDtab,
  readRdispatch,
  readReq,
  readRreq,
} from "../../../protocols/mux/codec/readers.ts";
import { Fragments } from "../../../protocols/mux/codec/fragments.ts";
import * as mux from "../../../protocols/mux/codec/messages.ts";
import { showDtab } from "../../../src/core/names/dtab.ts";
import { everySplit } from "./splits.ts";

interface Decoded {
  readonly type?: string;
  readonly error?: string;
  readonly [field: string]: unknown;
}

interface Vector {
  readonly name: string;
  readonly kind: string;
  readonly hex: string;
  readonly decoded: Decoded | readonly Decoded[];
}

const { vectors, total } = JSON.parse(readFileSync("test/vectors/mux.json", "utf8")) as {
  vectors: readonly Vector[];
  total: number;
};

type Context = readonly [key: string, hex: string];

/** As the table writes it. */
function contextsOf(frame: Buffer, start: number, end: number): Context[] {
  const contexts: Context[] = [];
  let at = start + 2;
  const next = (): Buffer => {
    const length = frame.readUInt16BE(at);
    at += 2 + length;
    return frame.subarray(at - length, at);
  };
  while (at < end) contexts.push([next().toString(), next().toString("hex")]);
  return contexts;
}

const hexFrom = (frame: Buffer, at: number): string => frame.toString("hex", at);

function trace(frame: Buffer, at: number, flags: number) {
  if (at < 0) return null;
  const [spanId, parentId, traceId] = [0, 8, 16].map((i) =>
    frame.toString("hex", at + i, at + i + 8),
  );
  return { spanId, parentId, traceId, flags: String(flags) };
}

/** One whole message as the table writes it; a text when it is none. */
function decode(frame: Buffer): Decoded | string {
  if (frame.length < mux.bodyStart) return "too short";
  const typ = frame.readInt8(4);
  const tag = mux.tagOf(frame);
  const head = { typ, tag };
  switch (mux.typeOf(frame)) {
    case mux.tdispatch: {
      const call = readDispatch(frame);
      if ("problem" in call) return call.problem;
      readLocalDtab(call, null);
      if (call.unreadable !== null) return call.unreadable;
      const { contextsStart, contextsEnd, dest, localDtab, payloadStart } = call;
      return {
        type: "Tdispatch",
        ...head,
        contexts: contextsOf(frame, contextsStart, contextsEnd),
        dst: dest,
        dtab: showDtab(localDtab),
        body: hexFrom(frame, payloadStart),
      };
    }
    case mux.treq: {
      const call = readReq(frame);
      if ("problem" in call) return call.problem;
      const { traceAt, reqFlags, payloadStart } = call;
      const body = hexFrom(frame, payloadStart);
      return { type: "Treq", ...head, trace: trace(frame, traceAt, reqFlags), body };
    }
    case mux.rdispatch:
    case mux.rreq:
      return decodeAnswer(frame, head);
    default:
      return decodeOther(frame, head);
  }
}

function decodeAnswer(frame: Buffer, head: object): Decoded | string {
  const isDispatch = mux.typeOf(frame) === mux.rdispatch;
  const response = isDispatch ? readRdispatch(frame) : readRreq(frame);
  if ("problem" in response) return response.problem;
  const { status, contextsStart, contextsEnd, payloadStart } = response;
  const name = ["Ok", "Error", "Nack"][status] ?? "";
  const contexts = isDispatch ? { contexts: contextsOf(frame, contextsStart, contextsEnd) } : {};
  const payload =
    status === 0
      ? { body: hexFrom(frame, payloadStart) }
      : status === 1
        ? { error: frame.toString("utf8", payloadStart) }
        : {};
  return { type: `${isDispatch ? "Rdispatch" : "Rreq"}${name}`, ...head, ...contexts, ...payload };
}

function decodeOther(frame: Buffer, head: object): Decoded | string {
  const type = mux.typeOf(frame);
  switch (type) {
    case mux.tdiscarded: {
      const discarded = mux.readDiscarded(frame);
      if ("problem" in discarded) return discarded.problem;
      return { type: "Tdiscarded", ...head, which: discarded.tag, why: discarded.reason };
    }
    case mux.tlease: {
      const howLong = mux.readLease(frame);
      if (howLong === null) return "a Tlease in an unknown unit";
      if (typeof howLong === "object") return howLong.problem;
      return { type: "Tlease", ...head, unit: 0, howLong: String(howLong) };
    }
    case mux.tinit:
    case mux.rinit: {
      const init = mux.readInit(frame);
      if ("problem" in init) return init.problem;
      const headers = init.headers.map(([key, value]) => [key, value.toString("hex")]);
      const name = type === mux.tinit ? "Tinit" : "Rinit";
      return { type: name, ...head, version: init.version, headers };
    }
    case mux.rerr:
      return { type: "Rerr", ...head, error: mux.readReason(frame) };
    default:
      if (!mux.isKnownType(type)) return `unknown type ${type}`;
      return { type: mux.showType(type).replace(/ .*/, ""), ...head };
  }
}

/** Whole messages out of frames, as both sides of the proxy put them together. */
function decodeAll(pieces: readonly Buffer[]): (Decoded | string)[] {
  const fragments = new Fragments({ maxFrameBytes: 1e6, maxHeldBytes: 1e6, maxStreams: 100 });
  return everySplit.frames(pieces).flatMap((frame) => {
    const type = frame.length < mux.bodyStart ? 0 : mux.typeOf(frame);
    if (type === mux.tdiscarded) {
      const discarded = mux.readDiscarded(frame);
      if (!("problem" in discarded)) fragments.forget(discarded.tag);
    }
    if (type === mux.rdiscarded) fragments.forget(mux.tagOf(frame));
    if (type !== mux.tdispatch && type !== mux.rdispatch) return [decode(frame)];
    const whole = fragments.add(frame);
    if (whole === null) return [];
    if ("dropped" in whole) return [whole.dropped];
    return ["problem" in whole ? whole.problem : decode(whole)];
  });
}

/** What the table tells besides of values that are passed on unread. */
function known(decoded: Decoded): Decoded {
  return Object.fromEntries(Object.entries(decoded).filter(([key]) => key !== "contextsDecoded"));
}

/** Finagle's reader takes no wildcard in a dtab that its own writer writes; this one does. */
const takenHere = new Set(["tdispatch-dtab-wildcard-src"]);

for (const vector of vectors) {
  const { name, kind, hex, decoded } = vector;
  const bytes = Buffer.from(hex, "hex");
  if (kind === "detect") continue; // protocols/thriftmux/detect.test.ts
  test(`mux.json, ${kind}: ${name}`, () => {
    everySplit(bytes, (pieces, how) => {
      const found = decodeAll(pieces);
      switch (kind) {
        case "message": {
          const expected = known(decoded as Decoded);
          if (expected.type === "Fragment") return assert.deepEqual(found, [], how);
          return assert.deepEqual(found, [expected], how);
        }
        case "error":
          if (takenHere.has(name)) return assert.equal(typeof found[0], "object", how);
          return assert.equal(typeof found[0], "string", `${how}: ${JSON.stringify(found)}`);
        case "sequence":
          return assert.deepEqual(found, (decoded as readonly Decoded[]).map(known), how);
        default:
          return assert.fail(`unknown kind of vector: ${kind}`);
      }
    });
  });
}

test("every vector of the table is run", () => {
  const kinds = new Set(["message", "error", "sequence", "detect"]);
  assert.deepEqual(
    vectors.filter(({ kind }) => !kinds.has(kind)),
    [],
  );
  assert.equal(vectors.length, total);
});
