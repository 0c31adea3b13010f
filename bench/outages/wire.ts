// What the three protocols say in the bench of outages: one call, its response, an error; as bytes.
import {
  callFrame as muxCall,
  courtesy,
  frameReader,
  payloadBytes,
  rdispatch,
  replyFrame,
} from "../lib/mux-frames.ts";
import { statusOf, tagOf, tdispatch, tdrain, typeOf } from "../lib/mux-frames.ts";
import {
  callFrame as thriftCall,
  replyFrame as thriftReply,
  replyTo,
  typeAt,
} from "../lib/thrift-frames.ts";
import { serviceName } from "../peers/peer.ts";

export type ProtocolName = "http" | "thrift" | "mux" | "thriftmux";

/** What came in on a connection. */
export type Received =
  | { readonly kind: "call"; readonly tag: number; readonly good: Buffer; readonly error: Buffer }
  | { readonly kind: "response"; readonly tag: number; readonly problem: string | null }
  /** The proxy asks for no further calls on this connection. */
  | { readonly kind: "last" }
  | { readonly kind: "other"; readonly response: Buffer | null };

export interface Protocol {
  /** Calls that one connection carries at a time. */
  readonly callsAtATime: number;
  call(tag: number): Buffer;
  /** Cuts the chunks of one connection into messages. */
  reader(take: (message: Received) => void): (chunk: Buffer) => void;
  /** Asks the other side to send no further calls; null: there is no such message. */
  readonly drain: Buffer | null;
}

const httpCall = Buffer.from(`GET / HTTP/1.1\r\nHost: ${serviceName}\r\n\r\n`);
const httpGood = Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
const httpError = Buffer.from("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2\r\n\r\nno");

const http: Protocol = {
  callsAtATime: 1,
  call: () => httpCall,
  drain: null,
  reader: (take) => {
    let text = "";
    return (chunk) => {
      text += chunk.toString("latin1");
      for (let head = text.indexOf("\r\n\r\n"); head >= 0; head = text.indexOf("\r\n\r\n")) {
        const length = Number(/^content-length: *(\d+)/im.exec(text.slice(0, head))?.[1] ?? 0);
        const end = head + 4 + length;
        if (text.length < end) return;
        const isCall = !text.startsWith("HTTP/");
        const isLast = !isCall && /^connection: *close/im.test(text.slice(0, head));
        const problem = text.startsWith("HTTP/1.1 200") ? null : text.slice(0, end);
        text = text.slice(end);
        if (isLast) take({ kind: "last" });
        if (isCall) take({ kind: "call", tag: 0, good: httpGood, error: httpError });
        else take({ kind: "response", tag: 0, problem });
      }
    };
  },
};

/** A TApplicationException with the name and sequence id of the bench's call. */
function thriftException(): Buffer {
  const nameEnd = 4 + 8 + "echo".length + 4;
  const text = Buffer.from("no");
  const field = Buffer.from([11, 0, 1, 0, 0, 0, text.length, ...text, 8, 0, 2, 0, 0, 0, 6, 0]);
  const bytes = Buffer.concat([thriftCall.subarray(0, nameEnd), field]);
  bytes.writeInt32BE(bytes.length - 4, 0);
  bytes[typeAt] = 3;
  return bytes;
}

const exception = thriftException();

const thrift: Protocol = {
  callsAtATime: 1,
  call: () => thriftCall,
  drain: null,
  reader: (take) =>
    frameReader((frame) => {
      if (frame[typeAt] === 1) {
        take({ kind: "call", tag: 0, good: replyTo(Buffer.from(frame)), error: exception });
      } else
        take({ kind: "response", tag: 0, problem: frame[typeAt] === 2 ? null : textOf(frame) });
    }),
};

function muxError(tag: number): Buffer {
  const bytes = Buffer.from(replyFrame(tag));
  bytes[8] = 1;
  return bytes;
}

const textOf = (frame: Buffer) => frame.toString("latin1").replaceAll(/[^ -~]+/g, " ");

const mux: Protocol = {
  callsAtATime: 1_000_000,
  call: (tag) => muxCall(tag + 2),
  drain: Buffer.from([0, 0, 0, 4, 64, 0, 0, 1]),
  reader: (take) =>
    frameReader((frame) => {
      const [type, tag] = [typeOf(frame), tagOf(frame)];
      if (type === tdispatch) {
        take({ kind: "call", tag, good: replyFrame(tag), error: muxError(tag) });
      } else if (type === rdispatch) {
        take({
          kind: "response",
          tag: tag - 2,
          problem: statusOf(frame) === 0 ? null : textOf(frame),
        });
      } else {
        if (type === tdrain) take({ kind: "last" });
        take({ kind: "other", response: courtesy(frame) });
      }
    }),
};

/** A mux message that carries Thrift: what follows the length of the Thrift frame is its payload. */
function inMux(message: Buffer, thriftFrame: Buffer): Buffer {
  const head = message.subarray(0, message.length - payloadBytes);
  const bytes = Buffer.concat([head, thriftFrame.subarray(4)]);
  bytes.writeInt32BE(bytes.length - 4, 0);
  return bytes;
}

const thriftmux: Protocol = {
  ...mux,
  call: (tag) => inMux(mux.call(tag), thriftCall),
  reader: (take) =>
    mux.reader((message) => {
      if (message.kind !== "call") return take(message);
      const { tag } = message;
      return take({ ...message, good: inMux(replyFrame(tag), thriftReply) });
    }),
};

export const protocols: Readonly<Record<ProtocolName, Protocol>> = { http, thrift, mux, thriftmux };
