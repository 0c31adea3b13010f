// The one call of the mux bench: a Tdispatch to the service with 64 bytes, without contexts.
import { connect } from "node:net";
import { serviceName } from "../peers/peer.ts";

const payload = Buffer.from("switchyard ".repeat(6).slice(0, 64));
export const payloadBytes = payload.length;
export const tdispatch = 2;
export const tdrain = 64;
export const rdispatch = 0xfe;
/** Offsets of type and tag in a frame, size included. */
const typeAt = 4;
const tagAt = 5;
/** Calls that begin with this byte are never answered by the bench's service: they stay in progress. */
const holdMark = 0x21; // '!'

function frame(type: number, tag: number, body: Buffer): Buffer {
  const bytes = Buffer.alloc(8 + body.length);
  bytes.writeInt32BE(bytes.length - 4, 0);
  bytes[typeAt] = type;
  bytes.writeUIntBE(tag, tagAt, 3);
  body.copy(bytes, 8);
  return bytes;
}

const destination = Buffer.from(`/${serviceName}`);

/** A call with this tag; `isHeld` marks one that stays in progress. */
export function callFrame(tag: number, isHeld = false): Buffer {
  const head = Buffer.concat([Buffer.from([0, 0, 0, destination.length]), destination]);
  const bytes = Buffer.from(payload);
  if (isHeld) bytes[0] = holdMark;
  return frame(tdispatch, tag, Buffer.concat([head, Buffer.from([0, 0]), bytes]));
}

export function replyFrame(tag: number): Buffer {
  return frame(rdispatch, tag, Buffer.concat([Buffer.from([0, 0, 0]), payload]));
}

export const pingFrame: Buffer = frame(65, 1, Buffer.alloc(0));

export const typeOf = (bytes: Buffer): number => bytes[typeAt] ?? 0;
export const tagOf = (bytes: Buffer): number => bytes.readUIntBE(tagAt, 3);
export const statusOf = (reply: Buffer): number => reply[8] ?? 0;
export const isHeld = (call: Buffer): boolean => call[call.length - payload.length] === holdMark;

/** A mux server's response to a message that is not a call; null when it needs none. */
export function courtesy(message: Buffer): Buffer | null {
  const body = message.subarray(8);
  switch (typeOf(message)) {
    case 127: // asks whether the server can negotiate
      return message;
    case 68: // Tinit: the server accepts the client's parameters
      return frame(0xbc, tagOf(message), body);
    case 65:
      return frame(0xbf, tagOf(message), body);
    case tdrain:
      return frame(0xc0, tagOf(message), body);
    default:
      return null;
  }
}

/** Cuts chunks into frames. */
export function frameReader(take: (frame: Buffer) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    let bytes: Buffer = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (bytes.length >= 4) {
      const end = 4 + bytes.readInt32BE(0);
      if (bytes.length < end) break;
      take(bytes.subarray(0, end));
      bytes = bytes.subarray(end);
    }
    rest = bytes;
  };
}

/** null when the port responds to a call; otherwise the problem. */
export function askMux(port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    const finish = (complaint: string | null): void => {
      socket.destroy();
      resolve(complaint);
    };
    socket.setTimeout(1_000, () => finish("no response within 1 s"));
    socket.on("connect", () => socket.write(callFrame(2)));
    socket.on("error", (error) => finish(error.message));
    socket.on("close", () => finish("closed without a response"));
    const read = frameReader((response) => {
      finish(statusOf(response) === 0 ? null : response.toString("latin1", 8));
    });
    socket.on("data", read);
  });
}
