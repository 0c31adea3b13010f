// A response or a failure as bytes for one caller.
import { Buffer } from "node:buffer";
import { prefixBytes } from "../../../src/net/framer.ts";
import { exceptionFrame } from "./exception.ts";
import { withFault } from "./fault.ts";
import { inHeaderFrame } from "./theader.ts";
import { messageFrame } from "./frame.ts";
import { frameOf } from "./frame.ts";
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

/** The message of an endpoint's response is passed on unchanged. */
export function responseBytes(call: CompletedCall, options: WriterOptions): Buffer {
  const { fault, transportHeaders } = call.request;
  const bytes = withoutFault(call, options);
  return fault === undefined ? bytes : withFault(bytes, fault, transportHeaders, options);
}

/** The response as if no fault had been injected. */
function withoutFault(call: CompletedCall, options: WriterOptions): Buffer {
  const { request, response, failure } = call;
  const isBuffered = options.transport === "buffered";
  if (response !== null) return passedThrough(request, response, isBuffered);
  if (failure === null) throw new Error("bug: a call ended without a response or a failure");
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
  // The endpoint's header before its message (contexts) is for upgraded callers only.
  if (upgrade !== null && messageAt > prefixBytes && !isHeaderFrame) {
    return isBuffered ? frame.subarray(prefixBytes) : frame;
  }
  return inTransport(messageFrame(frame, messageAt), upgrade !== null, isBuffered);
}

/** A frame made by the proxy, as the caller expects it. */
export function inTransport(frame: Buffer, isUpgraded: boolean, isBuffered: boolean): Buffer {
  const whole = isUpgraded ? frameOf([emptyHeader, frame.subarray(prefixBytes)]) : frame;
  return isBuffered ? whole.subarray(prefixBytes) : whole;
}

/** An empty ResponseHeader, as Finagle writes it: only the end of a struct. */
const emptyHeader = Buffer.of(0);
