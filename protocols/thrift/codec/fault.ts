// Tells a caller of the faults that were injected into its call, where its answers have a place.
import { Buffer } from "node:buffer";
import { prefixBytes } from "../../../src/net/framer.ts";
import { framed } from "./exception.ts";
import { withField } from "./theader.ts";
import { withContext } from "../ttwitter/response-header.ts";
import type { WireFormat } from "../exchange.ts";
import type { TransportHeaders } from "../message.ts";

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
  { transport, encoding }: Pick<WireFormat, "transport" | "encoding">,
): Buffer {
  if (header !== null) return withField(answer, faultKey, fault);
  if (upgrade === null) return answer;
  const context = { key: faultKey, value: Buffer.from(fault) };
  if (transport === "buffered") return Buffer.concat(withContext(encoding, answer, 0, context));
  return framed(withContext(encoding, answer, prefixBytes, context));
}
