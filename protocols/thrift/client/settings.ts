// What a wire to a Thrift endpoint is made with, and what its connections share.
import type { Clock } from "../../../src/core/clock.ts";
import type { DialOptions, WireStats } from "../../../src/core/transport.ts";
import type { ThriftRequest, WireFormat } from "../message.ts";

export interface ThriftDialOptions extends Omit<DialOptions, "config">, WireFormat {
  /** Ask each new connection for the TTwitter upgrade. */
  readonly attemptUpgrade: boolean;
}

export interface ThriftDialDeps {
  readonly clock: Clock;
  readonly stats: WireStats;
  /** The bytes of the header that an upgraded endpoint gets before a call. */
  headerFor(request: ThriftRequest): readonly Uint8Array[];
}

/** What the connections of one wire share. */
export interface ClientSettings extends ThriftDialDeps {
  readonly options: ThriftDialOptions;
  /** `127.0.0.1:9090`, for texts. */
  readonly name: string;
}
