// Calls of bytes over mux, for the name server and those who ask it: the protocol without a router.
import type { Clock, Close, Random } from "../core/clock.ts";
import { failure } from "../core/failure.ts";
import type { Failure } from "../core/failure.ts";
import type { Log } from "../core/log.ts";
import { defaultCallerDtabLimits } from "../core/names/caller-dtab-limits.ts";
import type { DialMessages, MessageWire } from "../core/naming.ts";
import { ended } from "../core/service.ts";
import type { Pending, Reply } from "../core/service.ts";
import type { Stats } from "../core/stats.ts";
import type { DialOptions, Listener, ListenOptions, SocketOptions } from "../core/transport.ts";
import type { ClientTls, ClientTlsConfig, ServerTls } from "../core/tls/tls.ts";
import type { MuxRequest, MuxResponse } from "../../protocols/mux/message.ts";
import { wireStats } from "../routing/stats/wire-stats.ts";

interface Parts {
  readonly clock: Clock;
  readonly random: Random;
  log(name: string): Log;
  readonly stats: Stats;
}

const socket: SocketOptions = {
  noDelay: true,
  reusePort: false,
  keepAlive: true,
  backlog: null,
  readTimeoutMs: Infinity,
  writeTimeoutMs: Infinity,
};

/** The protocol is loaded with the first session. */
async function openMux({ clock, random, log, stats }: Parts, name: string) {
  const [{ mux }, message, { clientKeys, routerKeys, serverKeys }, v] = await Promise.all([
    import("../../protocols/mux/index.ts"),
    import("../../protocols/mux/message.ts"),
    import("../../protocols/mux/keys.ts"),
    import("valibot"),
  ]);
  const config = v.parse(v.object(routerKeys), {});
  const deps = { clock, random, log: log(name), label: name, stats };
  const serverConfig = v.parse(v.object(serverKeys), {});
  const clientConfig = v.parse(v.object(clientKeys), {});
  return { protocol: mux.open(config, deps), message, serverConfig, clientConfig };
}

type Mux = Awaited<ReturnType<typeof openMux>>;

export function messageDialler(parts: Parts): DialMessages {
  let loading: Promise<Mux> | null = null;
  return (address, { pings: { intervalMs, timeoutMs }, tls }): MessageWire => {
    const scope = parts.stats.scope("interpreter", "io.l5d.namerd");
    const shared: Omit<DialOptions, "config"> = {
      connectTimeoutMs: 1_000,
      socket,
      minConnections: 0,
      maxConnections: 1,
      maxWaiters: Infinity,
      maxWaitMs: 10_000,
      poolIdleMs: Infinity,
      idleTimeMs: Infinity,
      lifeTimeMs: Infinity,
    };
    const own = { pingIntervalMs: intervalMs, pingTimeoutMs: timeoutMs, maxOutstanding: 1_000_000 };
    const open = async () => {
      const mux = await (loading ??= openMux(parts, "io.l5d.namerd"));
      const options = { ...shared, config: { ...mux.clientConfig, ...own } };
      const secured = tls === null ? null : await clientTlsOf(tls, parts, scope);
      const dialling = secured === null ? options : { ...options, tls: secured.tls };
      const wire = mux.protocol.dial(address, dialling, wireStats(scope));
      const close = () => {
        wire.close(0);
        secured?.close();
      };
      return { ...mux, wire, close };
    };
    const opened = open();
    let isClosed = false;
    return {
      call(payload, done) {
        const call = new Call(done);
        opened.then(
          ({ wire, message }) => {
            if (call.isOver || isClosed) return;
            const request = new message.MuxRequest("dispatch", payload, 0);
            call.pending = wire.service(request, call);
          },
          // A file of TLS that cannot be read, for instance.
          (error: unknown) => call.end(failure("connect", (error as Error).message)),
        );
        return () => call.cancel();
      },
      close() {
        isClosed = true;
        opened.then(
          ({ close }) => close(),
          () => {}, // it was never open
        );
      },
    };
  };
}

/** With a store of its own: its files are watched for as long as the session is used. */
async function clientTlsOf(
  config: ClientTlsConfig,
  { clock, log }: Parts,
  stats: Stats,
): Promise<{ readonly tls: ClientTls; close(): void }> {
  const { TlsStore } = await import("../net/tls/tls-store.ts");
  const store = new TlsStore({ clock, log: log("tls"), stats: stats.scope("tls") });
  try {
    store.prepare(config);
    const tls = store.client(config, config.commonName, "interpreter.tls");
    return { tls, close: () => store.close() };
  } catch (error) {
    store.close();
    throw error;
  }
}

/** One call, until it has been answered or cancelled. */
class Call implements Reply<MuxResponse> {
  readonly #done: (response: Buffer | Failure) => void;
  pending: Pending = ended;
  isOver = false;
  #response: MuxResponse | null = null;

  constructor(done: (response: Buffer | Failure) => void) {
    this.#done = done;
  }

  cancel(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.pending.cancel(failure("cancelled", "nobody waits for it any more"));
  }

  start(response: MuxResponse): void {
    this.#response = response;
  }

  end(why: Failure | null): void {
    if (this.isOver) return;
    this.isOver = true;
    const response = this.#response;
    // A service may respond while it is called: its caller hears of it later.
    queueMicrotask(() => {
      if (why !== null || response === null) {
        return this.#done(why ?? failure("closed", "there was no response"));
      }
      const payload = response.frame.subarray(response.payloadStart);
      if (response.status === 0) return this.#done(payload);
      const text = payload.toString("utf8", 0, 500);
      return this.#done(failure("closed", `the server responded with an error: ${text}`));
    });
  }
}

export interface MessageListenOptions {
  readonly host: string;
  readonly port: number;
  readonly tls?: ServerTls | undefined;
}

/** `handle` responds at most once, and is told by its result that the call was cancelled. */
export type HandleMessage = (payload: Buffer, respond: (response: Buffer) => void) => Close;

export async function listenForMessages(
  { host, port, tls }: MessageListenOptions,
  handle: HandleMessage,
  parts: Parts,
  name: string,
): Promise<Listener> {
  const { protocol, message, serverConfig } = await openMux(parts, name);
  const options: ListenOptions = {
    host,
    port,
    tls,
    socket,
    gate: null,
    idleTimeMs: Infinity,
    lifeTimeMs: Infinity,
    maxConcurrentRequests: Infinity,
    clearContext: true,
    callerDtabLimits: defaultCallerDtabLimits,
    halfCloseGraceMs: 0,
    timeoutMs: Infinity,
    config: serverConfig,
  };
  const service = (request: MuxRequest, reply: Reply<MuxResponse>): Pending => {
    let isOver = false;
    const end = (why: Failure | null) => {
      isOver = true;
      reply.end(why);
    };
    const cancel = handle(request.frame.subarray(request.payloadStart), (response) => {
      if (isOver) return;
      reply.start(new message.MuxResponse(message.statusOk, response, 0, 0, 0));
      end(null);
    });
    return {
      cancel(why) {
        if (isOver) return;
        cancel();
        end(why);
      },
    };
  };
  return protocol.listen(options, service, parts.stats);
}
