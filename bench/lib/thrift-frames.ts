// The one call of the Thrift bench: `echo` with 64 bytes, strict binary, framed.
import { connect } from "node:net";

const payload = "switchyard ".repeat(6).slice(0, 64);
const call = 1;
const reply = 2;
/** Offset in a strict message, after the frame's length and three bytes of version. */
export const typeAt = 7;

/** Offset of the lower byte of the field id. */
const fieldIdAt = 4 + 8 + "echo".length + 4 + 2;

/** Field 1 of the arguments, and field 0 of the result: the only other difference is its id. */
function echoFrame(type: number, fieldId: number): Buffer {
  const name = "echo";
  const bytes = Buffer.alloc(4 + 8 + name.length + 4 + 7 + payload.length + 1);
  bytes.writeInt32BE(bytes.length - 4, 0);
  bytes.writeUInt32BE(0x8001_0000 + type, 4);
  bytes.writeInt32BE(name.length, 8);
  bytes.write(name, 12);
  const field = 12 + name.length + 4;
  bytes.writeInt32BE(1, field - 4);
  bytes[field] = 11;
  bytes.writeInt16BE(fieldId, field + 1);
  bytes.writeInt32BE(payload.length, field + 3);
  bytes.write(payload, field + 7);
  return bytes;
}

export const callFrame: Buffer = echoFrame(call, 1);
export const replyFrame: Buffer = echoFrame(reply, 0);

/** Turns the bytes of a call into its reply, which keeps the sequence id. */
export function replyTo(callBytes: Buffer): Buffer {
  callBytes[typeAt] = reply;
  callBytes[fieldIdAt] = 0;
  return callBytes;
}

/** null when the port responds to a call; otherwise the problem. */
export function askThrift(port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    const finish = (complaint: string | null): void => {
      socket.destroy();
      resolve(complaint);
    };
    socket.setTimeout(1_000, () => finish("no response within 1 s"));
    socket.on("connect", () => socket.write(callFrame));
    socket.on("error", (error) => finish(error.message));
    socket.on("close", () => finish("closed without a response"));
    let response = Buffer.alloc(0);
    socket.on("data", (chunk) => {
      response = Buffer.concat([response, chunk]);
      if (response.length <= typeAt) return;
      finish(response[typeAt] === reply ? null : response.toString("latin1"));
    });
  });
}
