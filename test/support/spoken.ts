// What it takes to tell one story over every protocol: callers, endpoints and a router for each.
import { Agent, get } from "node:http";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { dialMux } from "../../demo/mux/client.ts";
import { frameBytes } from "../../demo/mux/message.ts";
import { MuxServiceSession, usualOptions } from "../../demo/mux/server.ts";
import type { MuxCall } from "../../demo/mux/server.ts";
import type { ReadCalls, Sayable } from "./moody-endpoint.ts";
import { binary, framed, read, readMessages, textResult } from "./thrift-bytes.ts";

export interface Spoken {
  readonly name: string;
  /** The classifier with which calls of the story are tried again. */
  readonly classifier: string;
  /** A key of `client` that makes endpoints speak as these do; "": none is needed. */
  readonly clientKey: string;
  readonly readCalls: ReadCalls;
  dial(port: number): SpokenCaller;
}

export interface SpokenCaller {
  /** One call, which does not wait for others. `ended` gets null, or what was wrong. */
  call(id: number, ended: (problem: string | null) => void): void;
  close(): void;
}

export const http: Spoken = {
  name: "http",
  classifier: "io.l5d.http.retryableIdempotent5XX",
  clientKey: "",
  readCalls(socket, asked) {
    let unread = "";
    socket.on("data", (bytes) => {
      unread += bytes.toString("latin1");
      for (let end = unread.indexOf("\r\n\r\n"); end >= 0; end = unread.indexOf("\r\n\r\n")) {
        const [, target = ""] = unread.split(" ", 2);
        unread = unread.slice(end + 4);
        asked(httpAnswers(target));
      }
    });
  },
  dial(port) {
    const agent = new Agent({ keepAlive: true });
    return {
      call(id, ended) {
        const path = `/${id}`;
        get({ port, agent, path, headers: { host: "web" } }, (answer) => {
          let text = "";
          answer.setEncoding("latin1");
          answer.on("data", (chunk: string) => (text += chunk));
          answer.on("error", (error) => ended(`after its head: ${error.message}`));
          answer.on("end", () => {
            if (answer.statusCode === 200 && text === path) ended(null);
            else ended(`${answer.statusCode} ${text.split("\n")[1] ?? ""}`);
          });
        }).on("error", (error) => ended(`before its head: ${error.message}`));
      },
      close: () => agent.destroy(),
    };
  },
};

function httpAnswers(body: string): Sayable {
  const head = (status: number) =>
    `HTTP/1.1 ${status} Any\r\nContent-Length: ${body.length}\r\n\r\n`;
  return {
    // Short: the proxy waits for all of it, and so can try again when it breaks behind its head.
    good: () => Buffer.from(head(200) + body),
    error: () => Buffer.from(head(500) + body),
    part: () => Buffer.from(head(200)),
  };
}

const thrift: Spoken = {
  name: "thrift",
  classifier: "io.l5d.thrift.retryableApplicationExceptions",
  clientKey: "",
  readCalls(socket, asked) {
    readMessages(socket, (message) => {
      const { seqid } = read(message);
      const good = () => framed(thriftResult(seqid));
      asked({ good, error: () => framed(thriftException(seqid)), part: () => half(good()) });
    });
  },
  dial: (port) => new ThriftCallers(port),
};

const thriftCall = (id: number): Buffer => binary({ method: "get", seqid: id });
const thriftResult = (id: number): Buffer =>
  binary({ method: "get", seqid: id, type: 2, body: textResult(`${id}`) });
/** A TApplicationException: a text, and type 6 (internal error). */
const thriftException = (id: number): Buffer => {
  const text = Buffer.concat([Buffer.from([11, 0, 1, 0, 0, 0, 3]), Buffer.from("ill")]);
  const body = Buffer.concat([text, Buffer.from([8, 0, 2, 0, 0, 0, 6, 0])]);
  return binary({ method: "get", seqid: id, type: 3, body });
};
const thriftProblem = (id: number, message: Buffer): string | null =>
  message.equals(thriftResult(id)) ? null : textOf(message);
const half = (bytes: Buffer): Buffer => bytes.subarray(0, bytes.length >> 1);
const textOf = (bytes: Buffer): string => bytes.toString("latin1").replaceAll(/[^ -~]+/g, " ");

interface ThriftWait {
  readonly id: number;
  ended(problem: string | null): void;
}

/** One call at a time on a connection, and as many connections as calls in progress. */
class ThriftCallers implements SpokenCaller {
  readonly #port: number;
  readonly #free: Socket[] = [];
  readonly #busy = new Map<Socket, ThriftWait>();

  constructor(port: number) {
    this.#port = port;
  }

  call(id: number, ended: (problem: string | null) => void): void {
    const socket = this.#free.pop() ?? this.#dial();
    this.#busy.set(socket, { id, ended });
    socket.write(framed(thriftCall(id)));
  }

  close(): void {
    for (const socket of this.#free) socket.destroy();
    for (const socket of this.#busy.keys()) socket.destroy();
  }

  #dial(): Socket {
    const socket = connect({ port: this.#port, host: "127.0.0.1", noDelay: true });
    readMessages(socket, (message) => {
      const wait = this.#busy.get(socket);
      this.#busy.delete(socket);
      this.#free.push(socket);
      wait?.ended(thriftProblem(wait.id, message));
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#busy.get(socket)?.ended("the connection closed");
      this.#busy.delete(socket);
    });
    return socket;
  }
}

const mux: Spoken = {
  name: "mux",
  classifier: "io.l5d.mux.retryableErrors",
  clientKey: "",
  readCalls: muxCalls(({ tag, payload }) => {
    const good = () => rdispatch(tag, 0, payload);
    return { good, error: () => rdispatch(tag, 1, payload), part: () => half(good()) };
  }),
  dial: (port) =>
    muxCaller(
      port,
      (id) => Buffer.from(`${id}`),
      (id, payload) => (payload.toString() === `${id}` ? null : textOf(payload)),
    ),
};

const thriftmux: Spoken = {
  name: "thriftmux",
  classifier: "io.l5d.thrift.retryableApplicationExceptions",
  clientKey: "thriftMux: true",
  readCalls: muxCalls(({ tag, payload }) => {
    const { seqid } = read(payload);
    const good = () => rdispatch(tag, 0, thriftResult(seqid));
    const error = () => rdispatch(tag, 0, thriftException(seqid));
    return { good, error, part: () => half(good()) };
  }),
  dial: (port) => muxCaller(port, thriftCall, thriftProblem),
};

function rdispatch(tag: number, status: number, payload: Buffer): Buffer {
  return frameBytes(-2, tag, Buffer.concat([Buffer.from([status, 0, 0]), payload]));
}

/** Pings and the handshake are answered as well-behaved servers do. */
function muxCalls(sayable: (call: MuxCall) => Sayable): ReadCalls {
  return (socket, asked) =>
    void new MuxServiceSession(
      socket,
      usualOptions,
      (call) => asked(sayable(call)),
      () => {},
    );
}

/** One connection for all calls. When it closes, the calls in progress have no response. */
function muxCaller(
  port: number,
  payloadOf: (id: number) => Buffer,
  problemOf: (id: number, payload: Buffer) => string | null,
): SpokenCaller {
  const client = dialMux(port);
  return {
    call(id, ended) {
      void client
        .dispatch({ dst: "/web", payload: payloadOf(id) })
        .then(({ status, payload, text }) =>
          ended(status === 0 ? problemOf(id, payload) : `${status} ${text}`),
        );
    },
    close: () => client.socket.destroy(),
  };
}

export const allSpoken: readonly Spoken[] = [http, thrift, mux, thriftmux];
