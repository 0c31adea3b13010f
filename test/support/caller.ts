// A caller with a connection of its own, kept open: for pipelining, load, and odd requests.
import { connect } from "node:net";
import type { Socket } from "node:net";
import type { TestContext } from "node:test";
import type { ReceivedResponse } from "./http-request.ts";

interface Waiter {
  readonly isBodiless: boolean;
  resolve(answer: ReceivedResponse): void;
  reject(why: Error): void;
}

interface Read {
  readonly answer: ReceivedResponse;
  readonly length: number;
}

/** Answers are taken in the order in which they were asked for. */
export class Caller {
  readonly socket: Socket;
  /** Resolves when both directions are closed, with what came and belongs to no answer. */
  readonly closed: Promise<string>;
  #bytes = Buffer.alloc(0);
  #isOver = false;
  readonly #waiters: Waiter[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk) => {
      this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
      this.#read();
    });
    socket.on("error", () => {});
    socket.on("end", () => {
      this.#isOver = true;
      this.#read();
    });
    this.closed = new Promise((resolve) => {
      socket.on("close", () => {
        this.#isOver = true;
        this.#read();
        for (const waiter of this.#waiters.splice(0)) waiter.reject(new Error(this.#broken()));
        resolve(this.#bytes.toString("latin1"));
      });
    });
  }

  write(text: string | Buffer): void {
    this.socket.write(text);
  }

  /** Rejects when the connection ends before the answer does. `HEAD` and its like have no body. */
  response(isBodiless = false): Promise<ReceivedResponse> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ isBodiless, resolve, reject });
      this.#read();
      if (this.socket.destroyed && this.#waiters.length > 0) reject(new Error(this.#broken()));
    });
  }

  /** A GET, or what `head` is, and its answer. */
  ask(host: string, head = "GET / HTTP/1.1"): Promise<ReceivedResponse> {
    this.write(`${head}\r\nHost: ${host}\r\n\r\n`);
    return this.response(head.startsWith("HEAD "));
  }

  close(): void {
    this.socket.destroy();
  }

  #broken(): string {
    return `the connection ended within an answer, after ${JSON.stringify(this.#bytes.toString("latin1"))}`;
  }

  #read(): void {
    for (let waiter = this.#waiters[0]; waiter !== undefined; waiter = this.#waiters[0]) {
      const found = readAnswer(this.#bytes, waiter.isBodiless, this.#isOver);
      if (found === null) return;
      this.#bytes = this.#bytes.subarray(found.length);
      this.#waiters.shift();
      waiter.resolve(found.answer);
    }
  }
}

export function caller(t: TestContext, port: number): Promise<Caller> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    t.after(() => void socket.destroy());
    socket.once("error", reject);
    socket.once("connect", () => resolve(new Caller(socket)));
  });
}

/** null: not all of it is there. Interim answers (1xx) are answers too. */
function readAnswer(bytes: Buffer, isBodiless: boolean, isOver: boolean): Read | null {
  const headEnd = bytes.indexOf("\r\n\r\n");
  if (headEnd < 0) return null;
  const [first = "", ...lines] = bytes.toString("latin1", 0, headEnd).split("\r\n");
  const status = Number(first.split(" ")[1]);
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers.set(name, headers.has(name) ? `${headers.get(name)}, ${value}` : value);
  }
  const start = headEnd + 4;
  const done = (body: string, end: number): Read => ({
    answer: { status, headers, body },
    length: end,
  });
  if (isBodiless || status < 200 || status === 204 || status === 304) return done("", start);
  if (/chunked/i.test(headers.get("transfer-encoding") ?? ""))
    return readChunks(bytes, start, done);
  const length = headers.get("content-length");
  if (length === undefined) {
    return isOver ? done(bytes.toString("latin1", start), bytes.length) : null;
  }
  const end = start + Number(length);
  return bytes.length < end ? null : done(bytes.toString("latin1", start, end), end);
}

function readChunks(
  bytes: Buffer,
  start: number,
  done: (body: string, end: number) => Read,
): Read | null {
  let body = "";
  for (let at = start; ;) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return null;
    const size = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16);
    const next = lineEnd + 2;
    if (size === 0) {
      const end =
        bytes.subarray(next, next + 2).toString() === "\r\n"
          ? next + 2
          : endOfTrailers(bytes, next);
      return end < 0 ? null : done(body, end);
    }
    if (bytes.length < next + size + 2) return null;
    body += bytes.toString("latin1", next, next + size);
    at = next + size + 2;
  }
}

function endOfTrailers(bytes: Buffer, start: number): number {
  const end = bytes.indexOf("\r\n\r\n", start);
  return end < 0 ? -1 : end + 4;
}
