// A small mux server, written from the specification and apart from protocols/mux.
import type { Socket } from "node:net";
import {
  Fields,
  frameBytes,
  initBody,
  pairs,
  readFrames,
  u32,
  type MuxFrame,
  type Pairs,
} from "./message.ts";

/** A call as a service sees it. */
export interface MuxCall {
  readonly type: number;
  readonly tag: number;
  readonly contexts: readonly (readonly [string, Buffer])[];
  readonly dst: string;
  readonly dtab: readonly (readonly [string, string])[];
  readonly payload: Buffer;
  readonly text: string;
  /** The number of frames it arrived in. */
  readonly pieces: number;
  readonly session: MuxServiceSession;
  ok(payload: Buffer | string, contexts?: Pairs): void;
  error(text: string, contexts?: Pairs): void;
  nack(contexts?: Pairs): void;
}

export interface ServiceOptions {
  /** Negotiates fragments of this size; null: does not know the handshake. */
  readonly maxFragment?: number | null;
  /** Sends responses in fragments of this size, when the client accepts fragments. */
  readonly pieceBytes?: number;
  readonly respondsToPings?: boolean;
  /** Responds to a Tdispatch with Rerr, like servers that knew only Treq. */
  readonly knowsDispatch?: boolean;
}

export const usualOptions: Required<ServiceOptions> = {
  maxFragment: 0x7fffffff,
  pieceBytes: 64 * 1024,
  respondsToPings: true,
  knowsDispatch: true,
};

/** One connection to a service. */
export class MuxServiceSession {
  readonly socket: Socket;
  /** Tags of Tdiscarded, in order. */
  readonly discarded: number[] = [];
  pings = 0;
  hasRdrain = false;
  /** The client's fragment size; 0 until it has announced one. */
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

  /** Sends a body in fragments that the client accepts. */
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
    const { maxFragment, respondsToPings, knowsDispatch } = this.#options;
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
        if (respondsToPings) this.send(-65, frame.tag);
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
    const respond = (status: number, payload: Buffer | string, contexts: Pairs) => {
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
      ok: (payload, contexts = []) => respond(0, payload, contexts),
      error: (text, contexts = []) => respond(1, text, contexts),
      nack: (contexts = []) => respond(2, "", contexts),
    };
  }
}
