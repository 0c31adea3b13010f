// HTTP servers and wires for tests, without a router between them.
import type { TestContext } from "node:test";
import type { HttpDialOptions } from "../../protocols/http/client/settings.ts";
import { dialHttp } from "../../protocols/http/client/wire.ts";
import { wholeBody } from "../../protocols/http/codec/body.ts";
import { defaultLimits } from "../../protocols/http/codec/limits.ts";
import type { HttpLimits } from "../../protocols/http/codec/limits.ts";
import { PassthroughFields } from "../../protocols/http/codec/passthrough-fields.ts";
import type { CompletedCall, HttpRequest, HttpResponse } from "../../protocols/http/message.ts";
import { listenHttp } from "../../protocols/http/server/listener.ts";
import type { Clock } from "../../src/core/clock.ts";
import type { Failure } from "../../src/core/failure.ts";
import { ended } from "../../src/core/service.ts";
import type { Service } from "../../src/core/service.ts";
import type {
  ConnectionStats,
  Listener,
  SocketOptions,
  Wire,
  WireStats,
} from "../../src/core/transport.ts";
import { systemClock } from "../../src/runtime/timers.ts";
import { exactlyOnce } from "./exactly-once.ts";
import { keptLog } from "./naming.ts";

export const plainSocket: SocketOptions = {
  noDelay: true,
  reusePort: false,
  keepAlive: null,
  backlog: null,
  readTimeoutMs: Infinity,
  writeTimeoutMs: Infinity,
};

export const noConnectionStats: ConnectionStats = {
  durationMs: { record() {} },
  receivedBytes: { record() {} },
  sentBytes: { record() {} },
};

export function wireStats(): WireStats {
  const counter = () => ({ value: 0 });
  return {
    connects: counter(),
    closes: counter(),
    receivedBytes: counter(),
    sentBytes: counter(),
    connectLatencyMs: { record() {} },
    failedConnectLatencyMs: { record() {} },
    cancelledConnects: counter(),
    waited: counter(),
    tooManyWaiters: counter(),
    connectionRequests: { record() {} },
    closed: noConnectionStats,
    connections: 0,
    pooled: 0,
    waiters: 0,
  };
}

export const plainDialOptions: HttpDialOptions = {
  connectTimeoutMs: 1_000,
  socket: plainSocket,
  minConnections: 0,
  maxConnections: Infinity,
  maxWaiters: 100,
  maxWaitMs: Infinity,
  poolIdleMs: Infinity,
  idleTimeMs: Infinity,
  lifeTimeMs: Infinity,
  limits: defaultLimits,
  maxWholeBodyBytes: 0,
  maxDrainBytes: 64 * 1024,
  continueTimeoutMs: 1_000,
};

/** What a test may say about either side. */
export interface HttpSetting {
  readonly clock?: Clock;
  readonly limits?: Partial<HttpLimits>;
  readonly dial?: Partial<HttpDialOptions>;
  readonly socket?: Partial<SocketOptions>;
}

export interface Served extends Listener {
  /** What was answered, in order: a copy of the numbers, since an exchange must not be kept. */
  readonly log: Completed[];
  /** Open connections of callers. */
  readonly open: { count: number };
}

export interface Completed {
  readonly status: number;
  readonly method: string | null;
  readonly target: string;
  readonly rawStartLine: string;
  readonly host: string | null;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly failure: Failure | null;
}

function completedOf(exchange: CompletedCall): Completed {
  const { status, target, rawStartLine, host, sentBytes, receivedBytes, failure, request } =
    exchange;
  const method = request?.method ?? null;
  return { status, method, target, rawStartLine, host, sentBytes, receivedBytes, failure };
}

/** Serves `service` on a free port until the test ends. */
export async function serveHttp(
  t: TestContext,
  service: Service<HttpRequest, HttpResponse>,
  setting: HttpSetting = {},
): Promise<Served> {
  const log: Completed[] = [];
  const open = { count: 0 };
  const listener = await listenHttp(
    {
      host: "127.0.0.1",
      port: 0,
      gate: null,
      socket: { ...plainSocket, ...setting.socket },
      limits: { ...defaultLimits, ...setting.limits },
      clock: setting.clock ?? systemClock(),
      log: keptLog(),
      onCompleted: (exchange) => void log.push(completedOf(exchange)),
      onConnections: (change) => (open.count += change),
    },
    exactlyOnce(service),
  );
  t.after(() => listener.close(0));
  return { ...listener, log, open };
}

export interface TestWire extends Wire<HttpRequest, HttpResponse> {
  readonly stats: WireStats;
}

/** A wire to a port of this host, which the test's end closes. */
export function wireTo(t: TestContext, port: number, setting: HttpSetting = {}): TestWire {
  const stats = wireStats();
  const wire = dialHttp(
    { host: "127.0.0.1", port, weight: 1 },
    { ...plainDialOptions, ...setting.dial },
    { clock: setting.clock ?? systemClock(), stats },
  );
  t.after(() => wire.close(0));
  return {
    service: wire.service,
    get status() {
      return wire.status;
    },
    get connections() {
      return wire.connections;
    },
    close: (graceMs) => wire.close(graceMs),
    stats,
  };
}

/** A proxy that does nothing but pass on: a server, and a wire to the one endpoint. */
export async function passTo(
  t: TestContext,
  endpointPort: number,
  setting: HttpSetting = {},
): Promise<Served & { readonly wire: TestWire }> {
  const wire = wireTo(t, endpointPort, setting);
  const served = await serveHttp(t, wire.service, setting);
  return { ...served, wire };
}

/** A response that is all there. */
export function plainResponse(status: number, text = "", fields: string[] = []): HttpResponse {
  return {
    status,
    reason: "Any Reason",
    version: "1.1",
    fields: PassthroughFields.of(fields),
    via: null,
    context: null,
    verdict: null,
    body: wholeBody(Buffer.from(text, "latin1")),
    upgrade: null,
  };
}

/** A service that responses at once. */
export function respondingWith(
  make: (request: HttpRequest) => HttpResponse,
): Service<HttpRequest, HttpResponse> {
  return (request, reply) => {
    reply.start(make(request));
    reply.end(null);
    return ended;
  };
}
