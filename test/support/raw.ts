// One TCP connection in a test: send bytes, wait for bytes. The protocol is the test's own.
import { connect, createServer } from "node:net";
import type { Socket } from "node:net";
import type { TestContext } from "node:test";

/** Text is latin1 both ways: one character a byte. */
export class RawPeer {
  readonly socket: Socket;
  /** Everything that has come and was not taken yet. */
  unread = "";
  /** The other side has sent its FIN. */
  hasEnded = false;
  /** Both directions are gone; `error` says whether they broke. */
  isClosed = false;
  error: Error | null = null;
  readonly #waiting = new Set<() => void>();

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) =>
      this.#changed(() => (this.unread += chunk.toString("latin1"))),
    );
    socket.on("end", () => this.#changed(() => (this.hasEnded = true)));
    socket.on("error", (error) => (this.error = error));
    socket.on("close", () => this.#changed(() => (this.isClosed = true)));
  }

  send(bytes: string | Uint8Array): void {
    if (typeof bytes === "string") this.socket.write(bytes, "latin1");
    else this.socket.write(bytes);
  }

  /** FIN: no more comes from here. */
  end(): void {
    this.socket.end();
  }

  /** RST: gone, and not politely. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  /** Takes what came up to and including `mark`; fails when the other side stops before. */
  async until(mark: string): Promise<string> {
    await this.#when(() => this.unread.includes(mark), `"${mark}"`);
    return this.#take(this.unread.indexOf(mark) + mark.length);
  }

  async bytes(count: number): Promise<string> {
    await this.#when(() => this.unread.length >= count, `${count} bytes`);
    return this.#take(count);
  }

  /** One message with Content-Length, or without a body. */
  async message(): Promise<string> {
    const head = await this.until("\r\n\r\n");
    const length = /^content-length: (\d+)\r$/im.exec(head)?.[1];
    return head + (await this.bytes(Number(length ?? 0)));
  }

  /** What comes until the other side sends no more. */
  async rest(): Promise<string> {
    await this.#when(() => this.hasEnded || this.isClosed, "the end", false);
    return this.#take(this.unread.length);
  }

  async closed(): Promise<void> {
    await this.#when(() => this.isClosed, "the close", false);
  }

  #take(count: number): string {
    const taken = this.unread.slice(0, count);
    this.unread = this.unread.slice(count);
    return taken;
  }

  #changed(change: () => void): void {
    change();
    for (const look of Array.from(this.#waiting)) look();
  }

  #when(isThere: () => boolean, what: string, needsMore = true): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const isOver = needsMore && (this.hasEnded || this.isClosed);
        if (!isThere() && !isOver) return;
        this.#waiting.delete(look);
        if (isThere()) resolve();
        else
          reject(new Error(`the connection ended before ${what}: ${JSON.stringify(this.unread)}`));
      };
      this.#waiting.add(look);
      look();
    });
  }
}

/** A connection to a port of this host, which the test's end closes. */
export function rawCaller(t: TestContext, port: number): RawPeer {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
  t.after(() => socket.destroy());
  return new RawPeer(socket);
}

export interface RawEndpoint {
  readonly port: number;
  /** Connections that were accepted, in order. */
  readonly peers: readonly RawPeer[];
  /** The next connection that nobody took yet. */
  accepted(): Promise<RawPeer>;
}

/** Listens on a free port; `onPeer` may speak at once. The test's end closes everything. */
export async function rawEndpoint(
  t: TestContext,
  onPeer: (peer: RawPeer) => void = () => {},
): Promise<RawEndpoint> {
  const peers: RawPeer[] = [];
  const waiting: (() => void)[] = [];
  let taken = 0;
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const peer = new RawPeer(socket);
    peers.push(peer);
    onPeer(peer);
    waiting.shift()?.();
  });
  t.after(() => {
    server.close();
    for (const { socket } of peers) socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new Error("no port");
  return {
    port: bound.port,
    peers,
    async accepted() {
      if (peers.length <= taken) await new Promise<void>((resolve) => waiting.push(resolve));
      const peer = peers[taken++];
      if (peer === undefined) throw new Error("no connection");
      return peer;
    },
  };
}
