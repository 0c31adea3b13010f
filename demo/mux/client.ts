// A small mux client, written from the specification and apart from protocols/mux.
import { connect, type Socket } from "node:net";
import {
  responseOf,
  dispatchBody,
  frameBytes,
  initBody,
  readFrames,
  type Dispatched,
  type MuxResponse,
  type MuxFrame,
  type Pairs,
} from "./message.ts";

export interface ClientOptions {
  /** Whether a Tdrain is acknowledged. */
  readonly acknowledges?: boolean;
}

/** A caller. Responses are matched by tag. */
export class MuxClient {
  readonly socket: Socket;
  /** Messages that respond to no call, in order. */
  readonly others: MuxFrame[] = [];
  isClosed = false;
  /** The reason, once the connection is closed. */
  closeReason = "the connection was closed";
  readonly #waiting = new Map<number, (response: MuxResponse) => void>();
  readonly #watchers = new Set<() => void>();
  #nextTag = 1;

  constructor(socket: Socket, { acknowledges = true }: ClientOptions) {
    this.socket = socket;
    readFrames(socket, (frame, pieces) => {
      const take = this.#waiting.get(frame.tag);
      if (take !== undefined && [-1, -2, -66, -65, 127, -128, -68].includes(frame.type)) {
        this.#waiting.delete(frame.tag);
        take(responseOf(frame, pieces));
      } else this.others.push(frame);
      if (frame.type === 64 && acknowledges) this.send(-64, frame.tag);
      for (const look of Array.from(this.#watchers)) look();
    });
    socket.on("error", (error) => {
      this.closeReason = error.message;
    });
    socket.on("close", () => {
      this.isClosed = true;
      for (const look of Array.from(this.#watchers)) look();
    });
  }

  get outstanding(): number {
    return this.#waiting.size;
  }

  send(type: number, tag: number, body: Buffer | string = ""): void {
    this.socket.write(frameBytes(type, tag, body));
  }

  /** A tag that no call in flight uses. */
  nextTag(): number {
    this.#nextTag = this.#nextTag >= 0x7fffff ? 2 : this.#nextTag + 1;
    return this.#nextTag;
  }

  /** The next response with this tag. */
  responseTo(tag: number): Promise<MuxResponse> {
    return new Promise((resolve) => this.#waiting.set(tag, resolve));
  }

  dispatch(call: Dispatched, tag = this.nextTag()): Promise<MuxResponse> {
    const response = this.responseTo(tag);
    this.send(2, tag, dispatchBody(call));
    return response;
  }

  req(payload: Buffer | string, keys: Pairs = [], tag = this.nextTag()): Promise<MuxResponse> {
    const list = keys.map(([key, value]) => {
      const bytes = Buffer.from(value);
      return Buffer.concat([Buffer.from([Number(key), bytes.length]), bytes]);
    });
    const response = this.responseTo(tag);
    this.send(1, tag, Buffer.concat([Buffer.from([keys.length]), ...list, Buffer.from(payload)]));
    return response;
  }

  discard(tag: number, why = "changed my mind"): void {
    this.send(-62, 0, Buffer.concat([frameBytes(0, tag).subarray(5, 8), Buffer.from(why)]));
  }

  async ping(): Promise<void> {
    const response = this.responseTo(1);
    this.send(65, 1);
    await response;
  }

  /** Resolves when `isTrue` returns true; it is checked after each message and on close. */
  when(isTrue: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (!isTrue()) return;
        this.#watchers.delete(look);
        resolve();
      };
      this.#watchers.add(look);
      look();
    });
  }

  closed(): Promise<void> {
    return this.when(() => this.isClosed);
  }

  /** Resolves when the peer has agreed to the handshake, or refused it. */
  async shakeHands(maxFragment: number): Promise<void> {
    const check = this.responseTo(1);
    this.send(127, 1, "tinit check");
    await check;
    const rinit = this.responseTo(1);
    this.send(68, 1, initBody(maxFragment));
    await rinit;
  }
}

/** Dials the loopback address. Calls made before the connection is open wait for it. */
export function dialMux(port: number, options: ClientOptions = {}): MuxClient {
  return new MuxClient(connect({ port, host: "127.0.0.1", noDelay: true }), options);
}
