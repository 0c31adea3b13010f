// The service behind every proxy: raw sockets, a 64-byte response, as cheap as Node can make it.
//   GET  /bytes/N   responds with N bytes, with back-pressure
//   PUT  anything   discards the body (which needs a Content-Length) and responds with its size
//   else            64 bytes
// It trusts its callers: this is a measuring instrument, not a server.
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";

const headEnd = "\r\n\r\n";
export const bodyBytes = 64;
const body = "switchyard ".repeat(6).slice(0, bodyBytes - 1) + "\n";
const response = Buffer.from(responseText(body), "latin1");
const block = Buffer.alloc(64 * 1024, "b");

export interface Origin {
  readonly ports: readonly number[];
  close(): Promise<void>;
}

export interface OriginOptions {
  readonly ports: number;
  /**
   * Reading a discarded body pauses for this long after every `pauseEveryBytes`, so that the
   * sender feels back-pressure. 0: no pauses.
   */
  readonly pauseMs: number;
}
export const pauseEveryBytes = 4 * 1024 * 1024;

/** Listens on that many free loopback ports. */
export async function startOrigin(options: OriginOptions): Promise<Origin> {
  const sockets = new Set<Socket>();
  const servers = Array.from({ length: options.ports }, () =>
    createServer({ noDelay: true }, (socket) => {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
      serve(socket, options.pauseMs);
    }),
  );
  const ports = await Promise.all(servers.map(listening));
  return {
    ports,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await Promise.all(servers.map(closed));
    },
  };
}

function listening(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

function responseText(text: string): string {
  return `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${text.length}${headEnd}${text}`;
}

function serve(socket: Socket, pauseMs: number): void {
  let rest = ""; // an incomplete head
  let bodyLeft = 0;
  let bodyRead = 0;
  socket.on("error", () => socket.destroy()); // callers may disconnect
  socket.on("data", (chunk) => {
    let at = 0;
    while (at < chunk.length) {
      if (bodyLeft > 0) {
        const taken = Math.min(bodyLeft, chunk.length - at);
        const pauses = (bodyRead % pauseEveryBytes) + taken >= pauseEveryBytes;
        bodyLeft -= taken;
        bodyRead += taken;
        at += taken;
        if (bodyLeft === 0) socket.write(responseText(`${bodyRead}\n`));
        else if (pauses && pauseMs > 0) pauseFor(socket, pauseMs);
        continue;
      }
      const text = rest + chunk.toString("latin1", at);
      const end = text.indexOf(headEnd);
      if (end < 0) {
        rest = text;
        return;
      }
      at += end + headEnd.length - rest.length;
      rest = "";
      const head = text.slice(0, end);
      bodyLeft = head.startsWith("GET ") ? 0 : contentLength(head);
      bodyRead = 0;
      if (bodyLeft > 0) continue;
      if (head.startsWith("GET /bytes/")) sendBytes(socket, Number.parseInt(head.slice(11), 10));
      else socket.write(response);
    }
  });
}

function contentLength(head: string): number {
  return Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
}

function pauseFor(socket: Socket, pauseMs: number): void {
  socket.pause();
  setTimeout(() => socket.resume(), pauseMs);
}

function sendBytes(socket: Socket, count: number): void {
  socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${count}${headEnd}`);
  let left = count;
  const more = (): void => {
    while (left > 0) {
      const size = Math.min(left, block.length);
      left -= size;
      if (!socket.write(block.subarray(0, size)) && left > 0) {
        socket.once("drain", more);
        return;
      }
    }
  };
  more();
}
