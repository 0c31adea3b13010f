// Memory for messages that are being received, used again: what is dropped leaves no garbage behind.
import { Buffer } from "node:buffer";

/** Pieces of one size, in which messages grow. */
export const slabBytes = 64 * 1024;

const minRoomBytes = 1024 * 1024;

/** How many bytes of either may be kept in any case; beyond it, as much as was in use at a time lately. */
const minSpareBytes = 16 * 1024 * 1024;

const slabs: Buffer[] = [];
const rooms: Buffer[] = [];
let spareBytes = 0;
/** The least that was spare since the last look: nobody has needed it. */
let unusedBytes = 0;

export function takeSlab(): Buffer {
  const slab = slabs.pop();
  if (slab === undefined) return Buffer.allocUnsafeSlow(slabBytes);
  took(slabBytes);
  return slab;
}

/** `slab` must not be used afterwards. */
export function giveSlab(slab: Buffer): void {
  if (slab.length !== slabBytes) return;
  slabs.push(slab);
  spareBytes += slabBytes;
}

/** Of at least `bytes`, at most twice as many; only the part that is written costs memory. */
export function takeRoom(bytes: number): Buffer {
  const at = rooms.findIndex(({ length }) => length >= bytes && length <= 2 * bytes);
  const [room] = at < 0 ? [] : rooms.splice(at, 1);
  if (room === undefined) return Buffer.allocUnsafeSlow(bytes);
  took(room.length);
  return room;
}

/** Short ones are left to the collector. `room` must not be used afterwards, nor any part of it. */
export function giveRoom(room: Buffer): void {
  if (room.length < minRoomBytes) return;
  rooms.push(room);
  spareBytes += room.length;
}

function took(bytes: number): void {
  spareBytes -= bytes;
  unusedBytes = Math.min(unusedBytes, spareBytes);
}

/** To be called every few seconds: leaves half of what nobody has needed since the last time to the collector. */
export function trimSpareMemory(): void {
  let excess = Math.min(unusedBytes / 2, spareBytes - minSpareBytes);
  while (excess > 0) {
    const dropped = rooms.pop() ?? slabs.pop();
    if (dropped === undefined) break;
    spareBytes -= dropped.length;
    excess -= dropped.length;
  }
  unusedBytes = spareBytes;
}

/** Kept for the next use, in bytes. */
export function spareMemoryBytes(): number {
  return spareBytes;
}
