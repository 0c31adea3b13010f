// Thrift's requests and responses, each perhaps with the mux message that it came in.
import { copyOf as copyOfMux } from "../mux/message.ts";
import type { MuxRequest, MuxResponse } from "../mux/message.ts";
import { copyOf as copyOfThrift } from "../thrift/message.ts";
import type { ThriftRequest, ThriftResponse, TransportHeaders } from "../thrift/message.ts";

export type {
  CompletedCall,
  ThriftRequest,
  ThriftResponse,
  WireFormat,
} from "../thrift/message.ts";

/** Around a request that came in a mux message. */
export interface MuxTransportHeaders extends TransportHeaders {
  readonly mux: MuxRequest;
}

/** A response that came in a mux message, whose contexts are passed on to a mux caller. */
export interface MuxThriftResponse extends ThriftResponse {
  readonly mux: MuxResponse;
}

/** The mux message that the request came in; null: it came as plain Thrift. */
export function muxOf({ transportHeaders }: ThriftRequest): MuxRequest | null {
  return "mux" in transportHeaders ? (transportHeaders as MuxTransportHeaders).mux : null;
}

export function muxResponseOf(response: ThriftResponse): MuxResponse | null {
  return "mux" in response ? (response as MuxThriftResponse).mux : null;
}

/** The mux message around it is copied as well, since the wire writes into that. */
export function copyOf(request: ThriftRequest): ThriftRequest {
  const copy = copyOfThrift(request);
  const mux = muxOf(request);
  if (mux === null) return copy;
  const transportHeaders: MuxTransportHeaders = {
    ...request.transportHeaders,
    mux: copyOfMux(mux),
  };
  return Object.assign(copy, { transportHeaders });
}
