// An answer, or a failure, as bytes for one caller.
import type { Buffer } from "node:buffer";
import { prefixBytes } from "../../../src/net/framer.ts";
import { exceptionFrame } from "./exception.ts";
import { withFault } from "./fault.ts";
import { inHeaderFrame } from "./theader.ts";
import { messageFrame } from "./frame.ts";
import { inTransport } from "./malformed-reply.ts";
import type {
  CompletedCall,
  RenderFailure,
  WireFormat,
  ThriftRequest,
  ThriftResponse,
} from "../message.ts";

/** How a server writes. */
interface WriterOptions extends Pick<WireFormat, "transport" | "protocol"> {
  readonly renderFailure: RenderFailure;
}

/** The message of an endpoint's answer is the endpoint's own bytes. */
export function responseBytes(exchange: CompletedCall, options: WriterOptions): Buffer {
  const { fault, transportHeaders } = exchange.request;
  const answer = withoutFault(exchange, options);
  return fault === undefined ? answer : withFault(answer, fault, transportHeaders, options);
}

/** Without the faults that the call met. */
function withoutFault(exchange: CompletedCall, options: WriterOptions): Buffer {
  const { request, response, failure } = exchange;
  const isBuffered = options.transport === "buffered";
  if (response !== null) return passedThrough(request, response, isBuffered);
  if (failure === null) throw new Error("bug: an answer without a response or a failure");
  const { type, text } = options.renderFailure(failure, request);
  const frame = exceptionFrame(request, type, text);
  const { header, upgrade } = request.transportHeaders;
  return header === null
    ? inTransport(frame, upgrade !== null, isBuffered)
    : inHeaderFrame(frame, header);
}

function passedThrough(
  request: ThriftRequest,
  response: ThriftResponse,
  isBuffered: boolean,
): Buffer {
  const { frame, messageAt, isHeaderFrame } = response;
  const { header, upgrade } = request.transportHeaders;
  if (header !== null) {
    return isHeaderFrame ? frame : inHeaderFrame(messageFrame(frame, messageAt), header);
  }
  // What the endpoint put before its message (contexts) is for an upgraded caller, and only for one.
  if (upgrade !== null && messageAt > prefixBytes && !isHeaderFrame) {
    return isBuffered ? frame.subarray(prefixBytes) : frame;
  }
  return inTransport(messageFrame(frame, messageAt), upgrade !== null, isBuffered);
}
