// Thrift messages in mux messages, and the reverse, without copying.
import { Buffer } from "node:buffer";
import type { PeerInfo } from "../../../src/net/peer-info.ts";
import { prefixBytes } from "../../../src/net/framer.ts";
import type { MuxRequest, MuxResponse } from "../../mux/message.ts";
import { failureFlags } from "../../mux/codec/contexts.ts";
import { lastScan, messageType, readEnvelope } from "../../thrift/codec/envelope.ts";
import { outcomeOf } from "../../thrift/codec/outcome.ts";
import { exceptionFrame, exceptionType } from "../../thrift/codec/exception.ts";
import { onewayDone, ThriftRequest } from "../../thrift/message.ts";
import { messageFrame } from "../../thrift/codec/frame.ts";
import { muxOf } from "../message.ts";
import type { MuxThriftResponse, MuxTransportHeaders, ThriftResponse } from "../message.ts";
import type { ThriftProtocol } from "../../thrift/codec/types.ts";

interface CallOptions {
  readonly protocol: ThriftProtocol;
  readonly isNamedByMethod: boolean;
}

/** The Thrift call in a mux message; a text says why the message holds no call. */
export function thriftRequestIn(
  mux: MuxRequest,
  peer: PeerInfo,
  { protocol, isNamedByMethod }: CallOptions,
): ThriftRequest | string {
  const [frame, messageAt] = roomForPrefix(mux);
  const problem = readEnvelope(frame, messageAt, frame.length);
  if (problem !== null) return `the payload is not a Thrift message: ${problem}`;
  const { type, envelopeForm } = lastScan;
  if (type !== messageType.call && type !== messageType.oneway) {
    return `the payload is a Thrift message of type ${type}, which is not a call`;
  }
  const theirs = envelopeForm === "compact" ? "compact" : "binary";
  if (theirs !== protocol) {
    return `the call came in the ${theirs} protocol, and thriftProtocol of this router is ${protocol}`;
  }
  const headers: MuxTransportHeaders = { header: null, upgrade: null, mux };
  const request = new ThriftRequest(frame, messageAt, headers, peer, isNamedByMethod);
  request.localDtab = mux.localDtab;
  return request;
}

/**
 * A plain endpoint gets a length before the message, written over the bytes there: in a Tdispatch the
 * destination and the dtab, which have been read by now. The keys of a Treq are still needed: a copy.
 */
function roomForPrefix({ form, frame, payloadStart }: MuxRequest): readonly [Buffer, number] {
  if (form === "dispatch") return [frame, payloadStart];
  const copy = Buffer.allocUnsafe(prefixBytes + frame.length - payloadStart);
  copy.writeInt32BE(frame.length - payloadStart);
  frame.copy(copy, prefixBytes, payloadStart);
  return [copy, prefixBytes];
}

/** The ok response of a mux endpoint; a text says why it holds no Thrift response. */
export function thriftResponseIn(
  mux: MuxResponse,
  request: ThriftRequest,
): ThriftResponse | string {
  if (request.isOneway) return onewayDone();
  const { frame, payloadStart } = mux;
  const problem = readEnvelope(frame, payloadStart, frame.length);
  if (problem !== null) return problem;
  const { type } = lastScan;
  if (type !== messageType.reply && type !== messageType.exception) {
    return `a message of type ${type}, which is not a response`;
  }
  const outcome = outcomeOf(frame, frame.length);
  if (outcome === null) return "the message ends before its result";
  if (muxOf(request) === null) {
    const own = messageFrame(frame, payloadStart);
    return { frame: own, messageAt: prefixBytes, isHeaderFrame: false, outcome, verdict: null };
  }
  const response: MuxThriftResponse = {
    frame,
    messageAt: payloadStart,
    isHeaderFrame: false,
    outcome,
    verdict: null,
    mux,
  };
  return response;
}

const maxTextBytes = 16 * 1024;

/** The error response of a mux endpoint: unchanged for mux callers, an exception for others. */
export function thriftErrorOf(mux: MuxResponse, request: ThriftRequest): ThriftResponse {
  const { frame, payloadStart } = mux;
  const text = frame.toString("utf8", payloadStart, payloadStart + maxTextBytes);
  const error = exceptionFrame(request, exceptionType.internalError, text);
  const plain: ThriftResponse = {
    frame: error,
    messageAt: prefixBytes,
    isHeaderFrame: false,
    outcome: "application_exception",
    verdict: null,
    isFinal: (mux.flags & failureFlags.nonRetryable) !== 0,
  };
  if (muxOf(request) === null) return plain;
  const response: MuxThriftResponse = { ...plain, mux };
  return response;
}
