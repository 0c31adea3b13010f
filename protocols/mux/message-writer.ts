// Output of a connection: small messages immediately, large ones in fragments, round-robin.
import { Buffer } from "node:buffer";
import type { Counter } from "../../src/core/stats.ts";
import { Batch, maxBatchedBytes } from "../../src/net/batch.ts";
import type { SocketLink } from "../../src/net/socket-link.ts";
import { countUnsent } from "../../src/net/socket-memory.ts";
import { heldMemory } from "../../src/runtime/held-memory.ts";
import type { HeadWriter } from "./codec/writers.ts";
import { bodyStart, moreFollows, rdispatch, tdispatch, writeHead } from "./codec/messages.ts";

/** A message up to this size is written whole, ahead of queued fragments. */
const smallBytes = 16 * 1024;
/** Fragments are no longer than this, however long the peer allows, so that other messages wait little. */
const maxPieceBytes = 64 * 1024;
/** No fragment is written while more than this is queued in the socket. */
const highWaterBytes = 128 * 1024;

/** A megabyte, and about a millisecond. */
const maxFragmentsPerTick = 16;

/** A message sent in fragments. `head` is its body up to the payload. */
interface Large {
  readonly type: number;
  readonly tag: number;
  readonly head: Buffer;
  readonly payload: Buffer;
  /** Bytes of head and payload that have been handed to the socket. */
  written: number;
}

/** One per connection, which owns the socket. */
export class MessageWriter {
  /** The longest fragment that the peer accepts; Infinity: it wants no fragments. */
  maxFragmentBytes = Infinity;
  readonly #sent: Counter;
  readonly #ownsPayloads: boolean;
  readonly #link: SocketLink;
  #batch: Batch;
  /** Large messages, round-robin: after one fragment a message moves to the end. */
  #large: Large[] = [];
  #largeBytes = 0;
  #isContinuing = false;

  /** `sent` counts the bytes of all messages; `ownsPayloads`: what waits counts as held memory. */
  constructor(link: SocketLink, sent: Counter, ownsPayloads: boolean) {
    this.#sent = sent;
    this.#ownsPayloads = ownsPayloads;
    this.#link = link;
    this.#batch = new Batch(link.socket);
  }

  /** The link has another socket: TLS over the first one. Nothing may be waiting. */
  moved(): void {
    this.#batch = new Batch(this.#link.socket);
  }

  /** Bytes that have not left the process. */
  get unsentBytes(): number {
    return this.#link.socket.writableLength + this.#batch.waitingBytes + this.#largeBytes;
  }

  /** The part of `unsentBytes` that is still queued as fragments. */
  get queuedBytes(): number {
    return this.#largeBytes;
  }

  /** Sends a short message that is already encoded: a control message, or an error. */
  control(frame: Buffer): void {
    this.#sent.value += frame.length;
    if (frame.length > maxBatchedBytes) {
      this.#batch.flush();
      this.#link.socket.write(frame);
      return;
    }
    const at = this.#batch.take(frame.length);
    this.#batch.bytes.set(frame, at);
  }

  /** Sends a call or a response: `writer` writes its head, `frame` from `payloadStart` on is its payload. */
  send<M>(
    type: number,
    tag: number,
    writer: HeadWriter<M>,
    message: M,
    frame: Buffer,
    payloadStart: number,
  ): void {
    const headBytes = writer.headBytes(message);
    const size = bodyStart + headBytes + frame.length - payloadStart;
    if (size - bodyStart > Math.min(smallBytes, this.#pieceBytes(type))) {
      const head = Buffer.allocUnsafe(headBytes);
      writer.write(head, 0, message);
      return this.#sendLarge(type, tag, head, frame.subarray(payloadStart));
    }
    this.#sent.value += size;
    const start = this.#batch.take(size);
    const { bytes } = this.#batch;
    const at = writeHead(bytes, start, size, type, tag);
    writer.write(bytes, at, message);
    frame.copy(bytes, at + headBytes, payloadStart);
    return undefined;
  }

  /** The socket accepts more. */
  drained(): void {
    this.#pump();
  }

  /**
   * Drops the unwritten part of a large message. "nothing": no fragment had been written; "rest": the
   * peer holds fragments of it; null: no such message is queued.
   */
  drop(tag: number): "nothing" | "rest" | null {
    const index = this.#large.findIndex((each) => each.tag === tag);
    const large = this.#large[index];
    if (large === undefined) return null;
    this.#large.splice(index, 1);
    this.#queued(-leftOf(large));
    return large.written === 0 ? "nothing" : "rest";
  }

  flush(): void {
    this.#batch.flush();
  }

  /** Drops what is queued: the socket is closed. */
  close(): void {
    this.#large = [];
    this.#queued(-this.#largeBytes);
  }

  #queued(bytes: number): void {
    this.#largeBytes += bytes;
    if (this.#ownsPayloads) heldMemory.add(bytes);
  }

  /** Only Tdispatch and Rdispatch are fragmented, and only for a peer that wants fragments. */
  #pieceBytes(type: number): number {
    const isCut = type === tdispatch || type === rdispatch;
    if (!isCut || this.maxFragmentBytes === Infinity) return Infinity;
    return Math.min(this.maxFragmentBytes, maxPieceBytes);
  }

  #sendLarge(type: number, tag: number, head: Buffer, payload: Buffer): void {
    const large = { type, tag, head, payload, written: 0 };
    this.#large.push(large);
    this.#queued(leftOf(large));
    this.#pump();
  }

  /** A reader on the same host can be as fast as the kernel takes bytes: others need their turn. */
  #pump(): void {
    const { socket } = this.#link;
    let fragments = 0;
    while (this.#large.length > 0 && socket.writableLength < highWaterBytes && !socket.destroyed) {
      if (++fragments > maxFragmentsPerTick) return this.#continueSoon();
      const large = this.#large.shift() as Large;
      this.#writePiece(large);
      if (leftOf(large) > 0) this.#large.push(large);
    }
    return undefined;
  }

  #continueSoon(): void {
    if (this.#isContinuing) return;
    this.#isContinuing = true;
    setImmediate(() => {
      this.#isContinuing = false;
      this.#pump();
    });
  }

  #writePiece(large: Large): void {
    const { socket } = this.#link;
    const left = leftOf(large);
    const bytes = Math.min(left, this.#pieceBytes(large.type));
    const prefix = Buffer.allocUnsafe(bodyStart);
    const more = bytes < left ? moreFollows : 0;
    writeHead(prefix, 0, bodyStart + bytes, large.type, large.tag | more);
    this.#batch.flush(); // keeps the order of messages
    socket.cork();
    socket.write(prefix);
    for (const part of partsOf(large, bytes)) socket.write(part);
    socket.uncork();
    large.written += bytes;
    this.#queued(-bytes);
    if (socket.writableNeedDrain) countUnsent(socket);
    this.#sent.value += bodyStart + bytes;
  }
}

function leftOf({ head, payload, written }: Large): number {
  return head.length + payload.length - written;
}

/** The next `count` bytes of head and payload. */
function partsOf({ head, payload, written }: Large, count: number): Buffer[] {
  const end = written + count;
  const fromHead = head.subarray(Math.min(written, head.length), Math.min(end, head.length));
  const start = Math.max(0, written - head.length);
  const fromPayload = payload.subarray(start, Math.max(start, end - head.length));
  return [fromHead, fromPayload].filter((part) => part.length > 0);
}
