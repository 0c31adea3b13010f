// Which protocol a caller of a ThriftMux server speaks, by its first bytes.
import { prefixBytes } from "../../../src/net/framer.ts";
import {
  isKnownType,
  minFrameBytes,
  moreFollows,
  tagOf,
  typeOf,
} from "../../mux/codec/messages.ts";

export type Detected = "mux" | "thrift";

/** The size of the first frame and what a mux message begins with. */
export const detectBytes = 8;

const callType = 1;
const onewayType = 4;

/**
 * Looks at the first `length` bytes of a connection; null: more are needed. Both protocols begin with
 * the size of a frame. Decides as Finagle does, except for one-way calls in the compact protocol,
 * which Finagle takes for fragments of mux. Everything else is left to Thrift, which reports it.
 */
export function detect(bytes: Buffer, length: number): Detected | null {
  if (length < prefixBytes) return null;
  if (bytes.readInt32BE(0) < minFrameBytes) return "thrift";
  if (length < detectBytes) return null;
  const [first = 0, second = 0, third = 0, fourth = 0] = bytes.subarray(prefixBytes, detectBytes);
  switch (first) {
    case 0x00: // old binary: the length of a name
      return "thrift";
    case 0x80: // strict binary, or an Rerr
      if (second === 0x01 && third === 0x00 && (fourth === callType || fourth === onewayType)) {
        return "thrift";
      }
      return "mux";
    case 0x82: // compact
      if ((second & 0x1f) === 1) return "thrift";
      break;
    default:
  }
  const isFragment = (tagOf(bytes) & moreFollows) !== 0;
  return isFragment || isKnownType(typeOf(bytes)) ? "mux" : "thrift";
}
