// Reports injected faults to the caller, where its responses have a place for that.
import { Buffer } from "node:buffer";
import { prefixBytes } from "../../../src/net/framer.ts";
import { frameOf } from "./frame.ts";
import { withField } from "./theader.ts";
import { withContext } from "../ttwitter/headers.ts";
import type { WireFormat, TransportHeaders } from "../message.ts";

/** The name of HTTP's header. */
export const faultKey = "l5d-fault";

/**
 * The same response with one more field in its THeader, or one more context in its ResponseHeader. A
 * message without either is unchanged.
 */
export function withFault(
  response: Buffer,
  fault: string,
  { header, upgrade }: TransportHeaders,
  { transport, protocol }: Pick<WireFormat, "transport" | "protocol">,
): Buffer {
  if (header !== null) return withField(response, faultKey, fault);
  if (upgrade === null) return response;
  const context = { key: faultKey, value: Buffer.from(fault) };
  if (transport === "buffered") return Buffer.concat(withContext(protocol, response, 0, context));
  return frameOf(withContext(protocol, response, prefixBytes, context));
}
