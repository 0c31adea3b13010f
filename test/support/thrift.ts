// The echo service of idl/echo.thrift on npm `thrift`, as a client and as a server.
import { createRequire } from "node:module";
import type { AddressInfo, Server, Socket } from "node:net";
import type { TestContext } from "node:test";
import thrift from "thrift";

export type TransportName = "framed" | "buffered";
export type ProtocolName = "binary" | "compact";

export interface Speech {
  readonly transport: TransportName;
  readonly protocol: ProtocolName;
}

export interface TreeNode {
  readonly name: string;
  readonly children: readonly TreeNode[];
  readonly numbers: Readonly<Record<string, readonly number[]>>;
  readonly isLeaf?: boolean;
  readonly small: readonly number[];
  readonly weight: number;
}

/** As the generated client has it; the result is what the method gives, or its exception. */
export interface EchoClient {
  echo(text: string): Promise<string>;
  ping(): Promise<void>;
  find(key: string): Promise<string>;
  /** Resolves when the answer comes, which it never does: do not wait for it. */
  note(line: string): Promise<void>;
  blob(bytes: Buffer): Promise<Buffer>;
  tree(root: unknown): Promise<TreeNode>;
  notes(): Promise<string[]>;
}

/** What the server does; `echo` may take its time. */
interface EchoHandler {
  echo(text: string): Promise<string> | string;
}

interface Generated {
  readonly Client: new (...parts: never[]) => unknown;
  readonly Processor: new (handler: unknown) => unknown;
}

/** What the types of the package leave out. */
const untyped = thrift as unknown as {
  readonly MultiplexedProcessor: new () => {
    registerProcessor(name: string, processor: unknown): void;
  };
  createMultiplexServer(processor: unknown, options: object): Server;
};

const require = createRequire(import.meta.url);
// From dist/test/support to idl, which is not compiled.
const generated = "../../../idl/gen-nodejs/";
const Echo = require(`${generated}Echo.js`) as Generated;
const types = require(`${generated}echo_types.js`) as {
  readonly NotFound: new (fields: { key: string }) => Error;
  readonly Node: new (fields: object) => unknown;
};

export const NotFound = types.NotFound;

export function treeNode(fields: Partial<TreeNode>): unknown {
  const children = (fields.children ?? []).map((child) => treeNode(child));
  return new types.Node({ numbers: {}, small: [], weight: 0, ...fields, children });
}

const transports = { framed: thrift.TFramedTransport, buffered: thrift.TBufferedTransport };
const protocols = { binary: thrift.TBinaryProtocol, compact: thrift.TCompactProtocol };

const options = ({ transport, protocol }: Speech) => ({
  transport: transports[transport],
  protocol: protocols[protocol],
});

export interface EchoServer {
  readonly port: number;
  /** What `note` brought. */
  readonly notes: readonly string[];
  /** Calls of `echo` so far. */
  readonly echoes: number;
  /** Connections that are open. */
  readonly connections: number;
  stop(): Promise<void>;
}

export const framedBinary: Speech = { transport: "framed", protocol: "binary" };

/** `service`: the name that a multiplexed server knows it by; null: not multiplexed. */
export async function echoServer(
  t: TestContext,
  speech: Speech = framedBinary,
  service: string | null = null,
  custom: Partial<EchoHandler> = {},
): Promise<EchoServer> {
  const notes: string[] = [];
  let echoes = 0;
  const handler = {
    echo(text: string) {
      echoes++;
      return custom.echo === undefined ? text : custom.echo(text);
    },
    ping() {},
    // A rejection: the generated code does not catch what is thrown.
    async find(key: string) {
      if (key === "missing") throw new NotFound({ key });
      return `found ${key}`;
    },
    note: (line: string) => void notes.push(line),
    blob: (bytes: Buffer) => bytes,
    tree: (root: unknown) => root,
    notes: () => notes,
  };
  const server = open(speech, service, handler);
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
  });
  server.on("error", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const stop = () =>
    new Promise<void>((resolve) => {
      if (!server.listening) return resolve();
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  t.after(stop);
  return {
    port: (server.address() as AddressInfo).port,
    notes,
    get echoes() {
      return echoes;
    },
    get connections() {
      return sockets.size;
    },
    stop,
  };
}

function open(speech: Speech, service: string | null, handler: object): Server {
  // The types of the package know generated code of another shape: the casts.
  if (service === null) {
    return thrift.createServer(Echo as never, handler as never, options(speech)) as never;
  }
  const processor = new untyped.MultiplexedProcessor();
  processor.registerProcessor(service, new Echo.Processor(handler));
  return untyped.createMultiplexServer(processor, options(speech));
}

/** A client with one connection, which the test's end closes. */
export function echoClient(
  t: TestContext,
  port: number,
  speech: Speech = framedBinary,
  service: string | null = null,
): EchoClient {
  const connection = thrift.createConnection("127.0.0.1", port, {
    ...options(speech),
  });
  connection.on("error", () => {});
  t.after(() => connection.connection.destroy());
  if (service === null) return thrift.createClient(Echo as never, connection) as EchoClient;
  const multiplexer = new thrift.Multiplexer();
  return multiplexer.createClient(service, Echo as never, connection) as EchoClient;
}
