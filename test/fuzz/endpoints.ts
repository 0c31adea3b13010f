// The two endpoints of each router: one that responds to each call properly, one that says what a case
// wants said.
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { readFrames } from "../../demo/mux/message.ts";
import { send, type Case } from "./case.ts";
import { number, render, sized, bytes } from "./draft.ts";
import { tagOfCall } from "./mux-inputs.ts";
import type { EndpointPorts, Target } from "./targets.ts";

/** Sends the bytes that respond to a call in which `text` was found. */
type Respond = (socket: Socket, text: string, tag: number) => void;

/** Owns its sockets and servers. */
export class Endpoints {
  readonly ports = new Map<string, EndpointPorts>();
  /** Cases whose call may still reach the hostile endpoint. */
  readonly cases = new Map<number, Case>();
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #hostile = new Set<Socket>();

  static async open(targets: readonly Target[]): Promise<Endpoints> {
    const endpoints = new Endpoints();
    for (const target of targets) {
      if (target.reads === null) continue;
      const web = await endpoints.#listen(target.reads, endpoints.#sockets, goodResponses(target));
      const evil = await endpoints.#listen(
        target.reads,
        endpoints.#hostile,
        (socket, text, tag) => {
          const found = endpoints.cases.get(Number(/case-(\d+)-/.exec(text)?.[1] ?? -1));
          if (found !== undefined) send(socket, found, (message) => withTag(message, tag));
        },
      );
      endpoints.ports.set(target.name, { web, evil });
    }
    return endpoints;
  }

  close(): void {
    for (const server of this.#servers) server.close();
    for (const socket of this.#sockets) socket.destroy();
    this.hangUp();
  }

  /** Closes the connections of the hostile endpoints, which go on to listen. */
  hangUp(): void {
    for (const socket of this.#hostile) socket.destroy();
  }

  async #listen(reads: "plain" | "mux", sockets: Set<Socket>, respond: Respond): Promise<number> {
    const server = createServer({ noDelay: true }, (socket) => {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => sockets.delete(socket));
      if (reads === "mux") readMux(socket, respond);
      else readPlain(socket, respond);
    });
    this.#servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return (server.address() as AddressInfo).port;
  }
}

const upgraded = Buffer.from("__can__finagle__trace__v3__");

/** Looks for the text that every call carries; calls of hostile callers that carry none wait forever. */
function readPlain(socket: Socket, respond: Respond): void {
  let unread = "";
  socket.on("data", (chunk: Buffer) => {
    if (chunk.includes(upgraded)) socket.write(upgradeReply);
    unread = (unread + chunk.toString("latin1")).slice(-4_000);
    const [text] = /(?:case|id)-\d+-/.exec(unread) ?? [];
    if (text === undefined) return;
    unread = "";
    respond(socket, text, 0);
  });
}

const upgradeReply = render(
  sized(4, number(4, 0x8001_0002 - 2 ** 32), sized(4, bytes(upgraded)), number(4, 0), number(1, 0)),
);

function readMux(socket: Socket, respond: Respond): void {
  const reply = (type: number, tag: number, body: Buffer) =>
    void socket.write(render(sized(4, number(1, type), number(3, tag), bytes(body))));
  readFrames(socket, ({ type, tag, body }) => {
    if (type === 2 || type === 1) respond(socket, body.toString("latin1"), tag);
    else if (type === 127 || type === -128) reply(type, tag, body);
    else if (type === 66) reply(-66, body.readUIntBE(0, 3), Buffer.alloc(0));
    else if (type === 68) reply(-68, tag, body.subarray(0, 2));
    else if (type === 65 || type === 64) reply(-type, tag, Buffer.alloc(0));
  });
}

function goodResponses({ canary, reads }: Target): Respond {
  return (socket, text, tag) => {
    const id = Number(/id-(\d+)-/.exec(text)?.[1] ?? -1);
    const response = id < 0 || canary === null ? Buffer.from(text, "latin1") : canary.response(id);
    if (reads === "plain" && id >= 0) socket.write(response);
    if (reads === "mux")
      socket.write(render(sized(4, number(1, -2), number(3, tag), number(3, 0), bytes(response))));
  };
}

const placeholder = render(number(3, tagOfCall));

function withTag(message: Buffer, tag: number): Buffer {
  const real = render(number(3, tag));
  const copy = Buffer.from(message);
  for (let at = copy.indexOf(placeholder); at >= 0; at = copy.indexOf(placeholder, at + 3))
    real.copy(copy, at);
  return copy;
}
