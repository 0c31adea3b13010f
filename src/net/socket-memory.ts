// What one socket makes the process hold: bytes that were read and wait, bytes that its peer does not read.
import type { Socket } from "node:net";
import { heldMemory } from "../runtime/held-memory.ts";

/** Counts until the socket is closed. */
class SocketMemory {
  #waitingBytes = 0;
  #unsentBytes = 0;
  #isClosed = false;

  /** Bytes that were read and wait to be consumed. */
  set waitingBytes(bytes: number) {
    if (this.#isClosed) return;
    heldMemory.add(bytes - this.#waitingBytes);
    this.#waitingBytes = bytes;
  }

  /** Bytes that were written and wait in the process. */
  set unsentBytes(bytes: number) {
    if (this.#isClosed) return;
    heldMemory.add(bytes - this.#unsentBytes);
    this.#unsentBytes = bytes;
  }

  close(): void {
    this.waitingBytes = this.unsentBytes = 0;
    this.#isClosed = true;
  }
}

const bySocket = new WeakMap<Socket, SocketMemory>();

function memoryOf(socket: Socket): SocketMemory {
  const known = bySocket.get(socket);
  if (known !== undefined) return known;
  const memory = new SocketMemory();
  bySocket.set(socket, memory);
  socket.on("drain", () => (memory.unsentBytes = 0));
  socket.once("close", () => memory.close());
  if (socket.destroyed) memory.close();
  return memory;
}

/** To be called when a write returned false; until the socket drains, its queue counts. */
export function countUnsent(socket: Socket): void {
  memoryOf(socket).unsentBytes = socket.writableLength;
}

/** `bytes` that were read from the socket are held until the next call. */
export function countWaiting(socket: Socket, bytes: number): void {
  memoryOf(socket).waitingBytes = bytes;
}
