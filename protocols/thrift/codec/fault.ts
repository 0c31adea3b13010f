// Tells a caller of the faults that were injected into its call, where its answers have a place.
import { Buffer } from "node:buffer";
import { prefixBytes } from "../../../src/net/framer.ts";
import { frameOf } from "./frame.ts";
import { withField } from "./theader.ts";
import { withContext } from "../ttwitter/headers.ts";
import type { WireFormat, TransportHeaders } from "../message.ts";

/** As HTTP names the header. */
export const faultKey = "l5d-fault";

/**
 * The same bytes with a field of their THeader, or a context of their ResponseHeader. A message alone
 * has no place beside its result.
 */
export function withFault(
  answer: Buffer,
  fault: string,
  { header, upgrade }: TransportHeaders,
  { transport, protocol }: Pick<WireFormat, "transport" | "protocol">,
): Buffer {
  if (header !== null) return withField(answer, faultKey, fault);
  if (upgrade === null) return answer;
  const context = { key: faultKey, value: Buffer.from(fault) };
  if (transport === "buffered") return Buffer.concat(withContext(protocol, answer, 0, context));
  return frameOf(withContext(protocol, answer, prefixBytes, context));
}
