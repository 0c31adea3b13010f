// What the connections of one listener share.
import type { Clock, Random } from "../../../src/core/clock.ts";
import type { Service } from "../../../src/core/service.ts";
import type { CompletedCall, HttpLimits, RenderFailure } from "../exchange.ts";
import type { HttpRequest, HttpResponse } from "../message.ts";
import type { ServerConnection } from "./connection.ts";

export interface ServerSettings {
  readonly limits: HttpLimits;
  readonly clock: Clock;
  readonly random: Random;
  readonly service: Service<HttpRequest, HttpResponse>;
  readonly renderFailure: RenderFailure;
  readonly onCompleted: ((exchange: CompletedCall) => void) | null;
  readonly opened: (connection: ServerConnection) => void;
  readonly closed: (connection: ServerConnection) => void;
}
