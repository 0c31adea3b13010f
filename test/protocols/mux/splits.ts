// The same bytes in every way they can arrive.
import { Framer } from "../../../src/net/framer.ts";

/** Whole, cut once at each place, and byte by byte. */
export function everySplit(
  bytes: Buffer,
  check: (pieces: readonly Buffer[], how: string) => void,
): void {
  check([bytes], "whole");
  for (let at = 1; at < bytes.length; at++) {
    check([bytes.subarray(0, at), bytes.subarray(at)], `cut at ${at}`);
  }
  check(
    Array.from(bytes, (_, at) => bytes.subarray(at, at + 1)),
    "byte by byte",
  );
}

/** The frames in them, their sizes in front. */
everySplit.frames = (pieces: readonly Buffer[], maxFrameBytes = 1 << 20): Buffer[] => {
  const frames: Buffer[] = [];
  const framer = new Framer(maxFrameBytes, {
    frame(frame) {
      frames.push(frame);
      return true;
    },
    tooLong() {},
  });
  for (const piece of pieces) framer.push(piece, 0, piece.length);
  return frames;
};
