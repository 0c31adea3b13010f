// A small mux client and server, written from the specification and apart from protocols/mux.
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import type { TestContext } from "node:test";

/** One frame: its type as a signed byte, its tag with the fragment flag, its body. */
export interface MuxFrame {
  readonly type: number;
  readonly tag: number;
  readonly body: Buffer;
}

type Pairs = readonly (readonly [key: string, value: Buffer | string])[];

const u16 = (n: number): Buffer => Buffer.from([n >> 8, n & 255]);
const u32 = (n: number): Buffer =>
  Buffer.from([n >>> 24, (n >> 16) & 255, (n >> 8) & 255, n & 255]);
const short = (value: Buffer | string): Buffer => {
  const bytes = Buffer.from(value);
  return Buffer.concat([u16(bytes.length), bytes]);
};
const pairs = (list: Pairs): Buffer =>
  Buffer.concat([u16(list.length), ...list.flatMap(([a, b]) => [short(a), short(b)])]);

function frameBytes(type: number, tag: number, body: Buffer | string = ""): Buffer {
  const bytes = Buffer.from(body);
  const head = Buffer.from([type & 255, (tag >> 16) & 255, (tag >> 8) & 255, tag & 255]);
  return Buffer.concat([u32(bytes.length + 4), head, bytes]);
}

export interface Dispatched {
  readonly contexts?: Pairs;
  readonly dst?: string;
  readonly dtab?: readonly (readonly [prefix: string, tree: string])[];
  readonly payload?: Buffer | string;
}

export function dispatchBody({ contexts = [], dst = "", dtab = [], payload = "" }: Dispatched) {
  return Buffer.concat([pairs(contexts), short(dst), pairs(dtab), Buffer.from(payload)]);
}

export const initBody = (maxFragment: number): Buffer =>
  Buffer.concat([u16(1), u32(10), Buffer.from("mux-framer"), u32(4), u32(maxFragment)]);

/** Reads fields one after the other. */
class Fields {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  number(size: number): number {
    this.#at += size;
    return this.#bytes.readUIntBE(this.#at - size, size);
  }

  short(): Buffer {
    const length = this.number(2);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  pairs(): [string, Buffer][] {
    return Array.from({ length: this.number(2) }, () => [this.short().toString(), this.short()]);
  }

  rest(): Buffer {
    return this.#bytes.subarray(this.#at);
  }
}

/** Frames of a socket, fragments joined. `pieces` counts the frames that a message came in. */
class Frames {
  #unread = Buffer.alloc(0);
  readonly #partial = new Map<number, Buffer[]>();
  readonly #on: (frame: MuxFrame, pieces: number) => void;

  constructor(socket: Socket, on: (frame: MuxFrame, pieces: number) => void) {
    this.#on = on;
    socket.on("data", (chunk: Buffer) => this.#data(chunk));
  }

  #chunks: Buffer[] = [];
  #size = 0;

  #data(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#unread.length >= 4 && this.#unread.length + this.#size < this.#wanted) return;
    let bytes = Buffer.concat([this.#unread, ...this.#chunks]);
    this.#chunks = [];
    this.#size = 0;
    while (bytes.length >= 4 && bytes.length >= 4 + bytes.readInt32BE(0)) {
      const end = 4 + bytes.readInt32BE(0);
      const type = bytes.readInt8(4);
      this.#frame({ type, tag: bytes.readUIntBE(5, 3), body: bytes.subarray(8, end) });
      bytes = bytes.subarray(end);
    }
    this.#unread = bytes;
  }

  get #wanted(): number {
    return 4 + this.#unread.readInt32BE(0);
  }

  #frame(frame: MuxFrame): void {
    const tag = frame.tag & 0x7fffff;
    const earlier = this.#partial.get(tag) ?? [];
    if (frame.tag !== tag) {
      this.#partial.set(tag, [...earlier, frame.body]);
      return;
    }
    this.#partial.delete(tag);
    const body = earlier.length === 0 ? frame.body : Buffer.concat([...earlier, frame.body]);
    this.#on({ type: frame.type, tag, body }, earlier.length + 1);
  }
}

/** Calls `on` for each message of the socket. */
function readFrames(socket: Socket, on: (frame: MuxFrame, pieces: number) => void): Frames {
  return new Frames(socket, on);
}

export interface MuxAnswer {
  readonly type: number;
  /** 0 ok, 1 error, 2 nack; -1: it has none (Rdiscarded, Rerr). */
  readonly status: number;
  readonly contexts: readonly (readonly [string, Buffer])[];
  readonly payload: Buffer;
  readonly text: string;
  readonly pieces: number;
}

function answerOf({ type, body }: MuxFrame, pieces = 1): MuxAnswer {
  const fields = new Fields(body);
  const hasStatus = type === -2 || type === -1;
  const status = hasStatus ? fields.number(1) : -1;
  const contexts = type === -2 ? fields.pairs() : [];
  const payload = fields.rest();
  return { type, status, contexts, payload, text: payload.toString(), pieces };
}

export interface ClientOptions {
  /** Shakes hands, and takes fragments of this size; null: it does not. */
  readonly maxFragment?: number | null;
  /** Whether a Tdrain is acknowledged. */
  readonly acknowledges?: boolean;
}

/** A caller. Answers are found by tag. */
export class MuxClient {
  readonly socket: Socket;
  /** Messages that answer no call, in order. */
  readonly others: MuxFrame[] = [];
  isClosed = false;
  readonly #waiting = new Map<number, (answer: MuxAnswer) => void>();
  readonly #watchers = new Set<() => void>();
  #nextTag = 2;

  constructor(socket: Socket, { acknowledges = true }: ClientOptions) {
    this.socket = socket;
    readFrames(socket, (frame, pieces) => {
      const take = this.#waiting.get(frame.tag);
      if (take !== undefined && [-1, -2, -66, -65, 127, -128, -68].includes(frame.type)) {
        this.#waiting.delete(frame.tag);
        take(answerOf(frame, pieces));
      } else this.others.push(frame);
      if (frame.type === 64 && acknowledges) this.send(-64, frame.tag);
      for (const look of Array.from(this.#watchers)) look();
    });
    socket.on("error", () => {});
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

  /** A tag that no call of this client had. */
  nextTag(): number {
    return this.#nextTag++;
  }

  /** The next message with this tag that answers something. */
  answerTo(tag: number): Promise<MuxAnswer> {
    return new Promise((resolve) => this.#waiting.set(tag, resolve));
  }

  dispatch(call: Dispatched, tag = this.#nextTag++): Promise<MuxAnswer> {
    const answer = this.answerTo(tag);
    this.send(2, tag, dispatchBody(call));
    return answer;
  }

  req(payload: Buffer | string, keys: Pairs = [], tag = this.#nextTag++): Promise<MuxAnswer> {
    const list = keys.map(([key, value]) => {
      const bytes = Buffer.from(value);
      return Buffer.concat([Buffer.from([Number(key), bytes.length]), bytes]);
    });
    const answer = this.answerTo(tag);
    this.send(1, tag, Buffer.concat([Buffer.from([keys.length]), ...list, Buffer.from(payload)]));
    return answer;
  }

  discard(tag: number, why = "changed my mind"): void {
    this.send(-62, 0, Buffer.concat([frameBytes(0, tag).subarray(5, 8), Buffer.from(why)]));
  }

  async ping(): Promise<void> {
    const answer = this.answerTo(1);
    this.send(65, 1);
    await answer;
  }

  /** Resolves when `isTrue`, looked at with each message and at the close. */
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
}

export async function muxClient(
  t: TestContext,
  port: number,
  options: ClientOptions = {},
): Promise<MuxClient> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  t.after(() => socket.destroy());
  const client = new MuxClient(socket, options);
  const { maxFragment = null } = options;
  if (maxFragment === null) return client;
  const check = client.answerTo(1);
  client.send(127, 1, "tinit check");
  await check;
  const rinit = client.answerTo(1);
  client.send(68, 1, initBody(maxFragment));
  await rinit;
  return client;
}

/** A call as a service sees it. */
export interface MuxCall {
  readonly type: number;
  readonly tag: number;
  readonly contexts: readonly (readonly [string, Buffer])[];
  readonly dst: string;
  readonly dtab: readonly (readonly [string, string])[];
  readonly payload: Buffer;
  readonly text: string;
  /** Frames that it came in. */
  readonly pieces: number;
  readonly session: MuxServiceSession;
  ok(payload: Buffer | string, contexts?: Pairs): void;
  error(text: string, contexts?: Pairs): void;
  nack(contexts?: Pairs): void;
}

export interface ServiceOptions {
  /** Shakes hands, and takes fragments of this size; null: it does not know how. */
  readonly maxFragment?: number | null;
  /** Sends answers in pieces of this, when the client takes pieces. */
  readonly pieceBytes?: number;
  readonly answersPings?: boolean;
  /** Answers a Tdispatch with Rerr, as servers did that knew Treq only. */
  readonly knowsDispatch?: boolean;
}

/** One connection to a service. */
export class MuxServiceSession {
  readonly socket: Socket;
  /** Tags of Tdiscarded, in order. */
  readonly discarded: number[] = [];
  pings = 0;
  hasRdrain = false;
  /** What the client takes in one piece; 0: it has not said. */
  clientFragment = 0;
  readonly #options: Required<ServiceOptions>;
  readonly #handle: (call: MuxCall) => void;
  readonly #changed: () => void;

  constructor(
    socket: Socket,
    options: Required<ServiceOptions>,
    handle: (call: MuxCall) => void,
    changed: () => void,
  ) {
    this.socket = socket;
    this.#options = options;
    this.#handle = handle;
    this.#changed = changed;
    readFrames(socket, (frame, pieces) => {
      this.#frame(frame, pieces);
      changed();
    });
    socket.on("error", () => {});
    socket.on("close", changed);
  }

  send(type: number, tag: number, body: Buffer | string = ""): void {
    if (!this.socket.destroyed) this.socket.write(frameBytes(type, tag, body));
  }

  /** A body in pieces, as the client takes them. */
  sendPieces(type: number, tag: number, body: Buffer): void {
    const size = this.clientFragment === 0 ? Infinity : this.#options.pieceBytes;
    for (let at = 0; ; at += size) {
      const isLast = at + size >= body.length;
      this.send(type, isLast ? tag : tag | 0x800000, body.subarray(at, at + size));
      if (isLast) return;
    }
  }

  drain(): void {
    this.send(64, 1);
  }

  lease(ms: number): void {
    this.send(67, 0, Buffer.concat([Buffer.from([0]), u32(0), u32(ms)]));
  }

  #frame(frame: MuxFrame, pieces: number): void {
    const { maxFragment, answersPings, knowsDispatch } = this.#options;
    switch (frame.type) {
      case 127:
        if (maxFragment === null) this.send(127, frame.tag, "I cannot negotiate");
        else this.send(127, frame.tag, frame.body);
        break;
      case 68:
        this.clientFragment = frame.body.readInt32BE(2 + 4 + 10 + 4);
        this.send(-68, frame.tag, initBody(maxFragment ?? 1));
        break;
      case 65:
        this.pings++;
        if (answersPings) this.send(-65, frame.tag);
        break;
      case -64:
        this.hasRdrain = true;
        break;
      case -62:
      case 66:
        this.discarded.push(frame.body.readUIntBE(0, 3));
        break;
      case 2:
        if (knowsDispatch) this.#handle(this.#dispatched(frame, pieces));
        else this.send(127, frame.tag, "unknown type 2");
        break;
      case 1:
        this.#handle(this.#req(frame));
        break;
      default:
    }
  }

  #dispatched(frame: MuxFrame, pieces: number): MuxCall {
    const fields = new Fields(frame.body);
    const contexts = fields.pairs();
    const dst = fields.short().toString();
    const dtab = fields.pairs().map(([a, b]) => [a, b.toString()] as const);
    return this.#call(frame, { contexts, dst, dtab, payload: fields.rest(), pieces });
  }

  #req(frame: MuxFrame): MuxCall {
    const fields = new Fields(frame.body);
    const contexts = Array.from({ length: fields.number(1) }, () => {
      const key = String(fields.number(1));
      const length = fields.number(1);
      return [key, Buffer.from(Array.from({ length }, () => fields.number(1)))] as const;
    });
    return this.#call(frame, { contexts, dst: "", dtab: [], payload: fields.rest(), pieces: 1 });
  }

  #call(
    { type, tag }: MuxFrame,
    parts: Pick<MuxCall, "contexts" | "dst" | "dtab" | "payload" | "pieces">,
  ): MuxCall {
    const answer = (status: number, payload: Buffer | string, contexts: Pairs) => {
      const head = type === 2 ? [Buffer.from([status]), pairs(contexts)] : [Buffer.from([status])];
      this.sendPieces(-type, tag, Buffer.concat([...head, Buffer.from(payload)]));
      this.#changed();
    };
    return {
      ...parts,
      type,
      tag,
      session: this,
      text: parts.payload.toString(),
      ok: (payload, contexts = []) => answer(0, payload, contexts),
      error: (text, contexts = []) => answer(1, text, contexts),
      nack: (contexts = []) => answer(2, "", contexts),
    };
  }
}

export interface MuxService {
  readonly port: number;
  readonly sessions: readonly MuxServiceSession[];
  /** Calls so far, the latest 1,000 kept. */
  readonly calls: readonly MuxCall[];
  readonly count: number;
  /** Resolves when `isTrue`, looked at with each message, connection and close. */
  when(isTrue: () => boolean): Promise<void>;
  /** Takes no more connections; those that are open stay. */
  stopListening(): void;
  stop(): void;
}

/** A service on a free port that answers as told; with a text: `<text><payload>`. */
export async function muxService(
  t: TestContext,
  answer: string | ((call: MuxCall) => void),
  options: ServiceOptions = {},
): Promise<MuxService> {
  const all = {
    maxFragment: 0x7fffffff,
    pieceBytes: 64 * 1024,
    answersPings: true,
    knowsDispatch: true,
    ...options,
  };
  const sessions: MuxServiceSession[] = [];
  const calls: MuxCall[] = [];
  const watchers = new Set<() => void>();
  let count = 0;
  const changed = () => {
    for (const look of Array.from(watchers)) look();
  };
  const handle = (call: MuxCall) => {
    count++;
    if (calls.length < 1_000) calls.push(call);
    if (typeof answer === "string") call.ok(answer + call.text);
    else answer(call);
  };
  const server = createServer({ noDelay: true }, (socket) => {
    sessions.push(new MuxServiceSession(socket, all, handle, changed));
    changed();
  });
  const stop = () => {
    server.close();
    for (const { socket } of sessions) socket.destroy();
  };
  t.after(stop);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    sessions,
    calls,
    get count() {
      return count;
    },
    when: (isTrue) =>
      new Promise((resolve) => {
        const look = () => {
          if (!isTrue()) return;
          watchers.delete(look);
          resolve();
        };
        watchers.add(look);
        look();
      }),
    stopListening: () => void server.close(),
    stop,
  };
}
