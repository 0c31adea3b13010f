// A Thrift server and wire on sockets without a kernel: bytes in, calls and responses out.
import assert from "node:assert/strict";
import type { Buffer } from "node:buffer";
import { ClientCall } from "../../../protocols/thrift/client/call.ts";
import { ClientConnection } from "../../../protocols/thrift/client/connection.ts";
import type {
  CompletedCall,
  WireFormat,
  ThriftRequest,
  ThriftResponse,
} from "../../../protocols/thrift/message.ts";
import type { ServerLimits } from "../../../protocols/thrift/server/settings.ts";
import { ServerConnection } from "../../../protocols/thrift/server/connection.ts";
import { failure } from "../../../src/core/failure.ts";
import type { Failure } from "../../../src/core/failure.ts";
import { pathLiteral } from "../../../src/core/names/path.ts";
import type { LogEvent } from "../../../src/core/log.ts";
import type { Pending, Reply } from "../../../src/core/service.ts";
import { Pool } from "../../../src/net/pool.ts";
import { simulatedClock } from "../../support/clock.ts";
import type { SimulatedClock } from "../../support/clock.ts";
import { FakeSocket } from "../../support/fake-socket.ts";
import { plainDialOptions, wireStats } from "../../support/http.ts";

const framedFormat: WireFormat = {
  protocol: "binary",
  transport: "framed",
  maxFrameBytes: 1024 * 1024,
};

/** A call that the server handed on; the test says how it ends. */
export interface SeenCall {
  readonly request: ThriftRequest;
  readonly cancelled: Failure | null;
  /** With the bytes of a frame, at which a message begins at `messageAt`. */
  respond(frame: Buffer, messageAt?: number): void;
  fail(why: Failure): void;
}

export interface Served {
  readonly socket: FakeSocket;
  readonly clock: SimulatedClock;
  readonly connection: ServerConnection;
  readonly calls: readonly SeenCall[];
  readonly exchanges: readonly Pick<CompletedCall, "status" | "sentBytes" | "receivedBytes">[];
  readonly events: readonly LogEvent[];
  /** The server has forgotten the connection. */
  readonly isForgotten: boolean;
}

export interface ServeOptions {
  readonly wireFormat?: Partial<WireFormat>;
  readonly limits?: Partial<ServerLimits>;
  /** Answers every call at once. */
  readonly response?: (request: ThriftRequest) => Buffer | null;
}

export function serve({ wireFormat, limits, response }: ServeOptions = {}): Served {
  const calls: SeenCall[] = [];
  const exchanges: Pick<CompletedCall, "status" | "sentBytes" | "receivedBytes">[] = [];
  const events: LogEvent[] = [];
  const socket = new FakeSocket();
  const clock = simulatedClock();
  const note = (event: LogEvent) => void events.push(event);
  let isForgotten = false;
  const connection = new ServerConnection(socket.link, {
    ...framedFormat,
    ...wireFormat,
    limits: {
      idleTimeMs: Infinity,
      lifeTimeMs: Infinity,
      stallTimeoutMs: 1_000,
      maxPipelinedCalls: 100,
      halfCloseGraceMs: 1_000,
      ...limits,
    },
    clock,
    turnMs: () => 0,
    log: { debug: note, info: note, warn: note, error: note },
    isNamedByMethod: false,
    renderFailure: ({ detail }) => ({ type: 6, text: detail }),
    onCompleted: ({ status, sentBytes, receivedBytes }) =>
      void exchanges.push({ status, sentBytes, receivedBytes }),
    onConnections() {},
    onRefused() {},
    onMalformed() {},
    route(request, reply) {
      const call = seen(request, reply);
      calls.push(call);
      const frame = response?.(request) ?? null;
      if (frame !== null) call.respond(frame);
      return call;
    },
    opened() {},
    closed: () => void (isForgotten = true),
  });
  return {
    socket,
    clock,
    connection,
    calls,
    exchanges,
    events,
    get isForgotten() {
      return isForgotten;
    },
  };
}

function seen(request: ThriftRequest, reply: Reply<ThriftResponse>): SeenCall & Pending {
  let cancelled: Failure | null = null;
  return {
    request,
    get cancelled() {
      return cancelled;
    },
    respond(frame, messageAt = 4) {
      reply.start({ frame, messageAt, isHeaderFrame: false, outcome: "reply", verdict: null });
      reply.end(null);
    },
    fail: (why) => reply.end(why),
    cancel(why) {
      cancelled = why;
      reply.end(why);
    },
  };
}

/** One connection to an endpoint, in a pool of its own. */
export interface Dialled {
  readonly socket: FakeSocket;
  readonly clock: SimulatedClock;
  /** Sends a call; what became of it is in the result. */
  send(request: ThriftRequest): Sent;
  /** Connections that are idle in the pool. */
  readonly pooled: number;
  readonly isGone: boolean;
}

export interface Sent extends Pending {
  readonly response: ThriftResponse | null;
  /** null: not ended; "ok", or the failure. */
  readonly end: Failure | "ok" | null;
}

export function dialled(wireFormat: Partial<WireFormat> = {}, isUpgraded = false): Dialled {
  const socket = new FakeSocket();
  const clock = simulatedClock();
  const stats = wireStats();
  const options = { ...plainDialOptions, ...framedFormat, ...wireFormat, attemptUpgrade: false };
  const settings = { options, clock, stats, name: "endpoint", headerFor: () => [Uint8Array.of(0)] };
  const pool: Pool<ClientConnection> = new Pool(
    { ...options, maxConnections: 1, name: "endpoint" },
    (opened) => {
      queueMicrotask(() => opened(new ClientConnection(socket.link, settings, pool, isUpgraded)));
      return () => {};
    },
    clock,
    stats,
  );
  return {
    socket,
    clock,
    send(request) {
      const sent: { response: ThriftResponse | null; end: Failure | "ok" | null } = {
        response: null,
        end: null,
      };
      const call = new ClientCall(request, {
        start: (response) => (sent.response = response),
        end(why) {
          if (sent.end !== null) throw new Error("ended twice");
          sent.end = why ?? "ok";
        },
      });
      call.run(pool);
      return Object.assign(sent, { cancel: (why: Failure) => call.cancel(why) });
    },
    get pooled() {
      return stats.pooled;
    },
    get isGone() {
      return socket.destroyed;
    },
  };
}

/** Lets the pool's dial come about. */
export const dialDone = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** The request in `frame`, as a server reads it. */
export function requestOf(frame: Buffer): ThriftRequest {
  const { socket, calls } = serve();
  socket.receive(frame.toString("latin1"));
  const [call] = calls;
  assert.ok(call);
  call.fail(failure("cancelled", ""));
  call.request.logicalName = pathLiteral("/svc/users");
  return call.request;
}
