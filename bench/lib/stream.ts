// Streams many bytes through a proxy, one direction at a time, and reads slower than the other side
// writes: a proxy without back-pressure would have to hold the difference in memory.
import { connect, type Socket } from "node:net";
import { pauseEveryBytes } from "./origin.ts";

const block = Buffer.alloc(64 * 1024, "u");
const silenceMs = 10_000;

export interface StreamOptions {
  readonly port: number;
  readonly host: string;
  readonly bytes: number;
  /** How long the reader pauses after every `pauseEveryBytes`. */
  readonly pauseMs: number;
}

/** GETs that many bytes; throws unless exactly that many arrive. */
export function download(options: StreamOptions): Promise<void> {
  const { host, bytes, pauseMs } = options;
  const head = `GET /bytes/${bytes} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
  return converse(options, (socket, done) => {
    socket.write(head);
    let text: string | null = "";
    let read = 0;
    socket.on("data", (chunk) => {
      let body = chunk;
      if (text !== null) {
        text += chunk.toString("latin1");
        const end = text.indexOf("\r\n\r\n");
        if (end < 0) return;
        if (!text.startsWith("HTTP/1.1 200")) return done(`responded ${text.split("\r\n", 1)[0]}`);
        body = Buffer.from(text.slice(end + 4), "latin1");
        text = null;
      }
      const pauses = (read % pauseEveryBytes) + body.length >= pauseEveryBytes;
      read += body.length;
      if (read === bytes) return done(null);
      if (read > bytes) return done(`${read} bytes arrived, ${bytes} were requested`);
      if (pauses && pauseMs > 0) {
        socket.pause();
        setTimeout(() => socket.resume(), pauseMs);
      }
    });
  });
}

/** PUTs that many bytes as fast as they are accepted; throws unless the origin counted them all. */
export function upload(options: StreamOptions): Promise<void> {
  const { host, bytes } = options;
  return converse(options, (socket, done) => {
    let response = "";
    socket.on("data", (chunk) => {
      response += chunk.toString("latin1");
      if (!response.endsWith("\n")) return;
      const counted = response.trimEnd().split("\r\n").at(-1);
      done(counted === String(bytes) ? null : `the origin responded ${response.slice(0, 200)}`);
    });
    socket.write(`PUT /swallow HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${bytes}\r\n\r\n`);
    let left = bytes;
    const more = (): void => {
      while (left > 0) {
        const size = Math.min(left, block.length);
        left -= size;
        if (!socket.write(block.subarray(0, size)) && left > 0) return;
      }
    };
    socket.on("drain", more);
    more();
  });
}

/** `done(null)` reports success; a text describes the failure. */
function converse(
  { port }: StreamOptions,
  talk: (socket: Socket, done: (problem: string | null) => void) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1" });
    const done = (problem: string | null): void => {
      socket.destroy();
      if (problem === null) resolve();
      else reject(new Error(problem));
    };
    socket.setTimeout(silenceMs, () => done(`nothing moved for ${silenceMs / 1_000} s`));
    socket.on("error", (error) => done(error.message));
    socket.on("close", () => done("closed before the end"));
    talk(socket, done);
  });
}
