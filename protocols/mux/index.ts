// The mux protocol: its kinds and keys, and what one router needs of it.
import type { Address } from "../../src/core/address.ts";
import type { DialOptions, Listener, ListenOptions, WireStats } from "../../src/core/transport.ts";
import type { Protocol, ProtocolDeps, ProtocolRouter } from "../../src/core/protocol.ts";
import { noCallSink } from "../../src/core/calls/ended-call.ts";
import { failure } from "../../src/core/failure.ts";
import type { Verdict } from "../../src/core/classifier.ts";
import type { Service } from "../../src/core/service.ts";
import type { Stats } from "../../src/core/stats.ts";
import { openAccessLog } from "../../src/access-log/access-log.ts";
import type { AccessLog } from "../../src/access-log/access-log.ts";
import { closedConnections } from "../../src/net/connection-stats.ts";
import { accessLogSource } from "./access-log.ts";
import { copyOf, statusError, statusOk } from "./message.ts";
import type { MuxRequest, MuxResponse, CompletedCall } from "./message.ts";
import { callReader, refusedCall } from "./calls.ts";
import { serverClassifier } from "./classifiers.ts";
import { dialMux } from "./client/wire.ts";
import type { MuxWire } from "./client/wire.ts";
import { render } from "./failures.ts";
import { idempotentCalls, serverFilters } from "./filters.ts";
import type { MuxFilter } from "./filters.ts";
import { kind } from "./kind.ts";
import type { ClientConfig, RouterConfig, ServerConfig, ServiceConfig } from "./keys.ts";
import { dialOptions } from "./client/settings.ts";
import { serverLimits } from "./server/settings.ts";
import { listenMux } from "./server/listener.ts";
import { ServerConnection } from "./server/connection.ts";
import type { ServerSettings } from "./server/settings.ts";
import { responseCounter, muxServerCounters } from "./stats.ts";

export const mux: Protocol<MuxRequest, MuxResponse> = {
  ...kind,
  // Safe casts in this file: the sections have been parsed by the keys of the kind.
  open: (config, deps) => new MuxRouter(config as RouterConfig, deps),
};

/** Owns the router's access log; listeners and wires belong to their callers. */
class MuxRouter implements ProtocolRouter<MuxRequest, MuxResponse> {
  readonly copy = copyOf;
  readonly responseCounter = responseCounter;
  readonly serverClassifier = serverClassifier;
  readonly #config: RouterConfig;
  readonly #deps: ProtocolDeps;
  readonly #accessLog: AccessLog<CompletedCall> | null;

  constructor(config: RouterConfig, deps: ProtocolDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#accessLog = accessLog(config, deps);
  }

  /** Mux cannot carry a verdict: only this router's own server sees it. */
  mark(response: MuxResponse, verdict: Verdict): void {
    response.verdict = verdict;
  }

  statusOf({ status }: MuxResponse): string {
    return status === statusOk ? "ok" : status === statusError ? "error" : "nack";
  }

  serviceFilters(config: Readonly<Record<string, unknown>>): readonly MuxFilter[] {
    return (config as ServiceConfig).idempotent ? [idempotentCalls] : [];
  }

  serverFilters(options: ListenOptions): readonly MuxFilter[] {
    return serverFilters({ ...options, ...this.#deps });
  }

  listen(
    options: ListenOptions,
    service: Service<MuxRequest, MuxResponse>,
    stats: Stats,
  ): Promise<Listener> {
    const { host, port, socket, gate, tls } = options;
    const { clock, log, label, adminUrl } = this.#deps;
    const { errorDetail } = this.#config;
    const counters = muxServerCounters(stats);
    const accessLog = this.#accessLog;
    const calls = (options.calls ?? noCallSink).reporter(callReader);
    const { opportunisticTls: tlsLevel } = options.config as ServerConfig;
    const settings: Omit<ServerSettings, "owner"> = {
      tlsLevel,
      limits: serverLimits(this.#config, options.config as ServerConfig, options),
      clock,
      log,
      route: service,
      render: (failure, request, peer) =>
        render({ label, adminUrl, errorDetail }, failure, request, peer),
      onCompleted: (exchange: CompletedCall) => {
        const { outcome, sentBytes, request } = exchange;
        counters.completed({ outcome, sentBytes, receivedBytes: request.payloadBytes });
        accessLog?.record(exchange);
        calls.ended(exchange);
      },
      onRefused: (call) => calls.refused(call),
      onMalformed: counters.malformed,
      receivedBytes: counters.receivedBytes,
      sentBytes: counters.sentBytes,
    };
    return listenMux(
      {
        host,
        port,
        socket,
        gate,
        tls,
        isOpportunistic: tlsLevel !== "off",
        clock,
        log,
        speaks: ["mux"],
        onWrongPort: (peer, problem) => {
          counters.malformed();
          calls.refused(refusedCall(peer, null, failure("malformed", problem)));
        },
        onSocket: closedConnections(stats, clock),
      },
      counters.connections,
      (link, owner) => {
        void new ServerConnection(link, { ...settings, owner });
      },
    );
  }

  dial(address: Address, options: DialOptions, stats: WireStats): MuxWire {
    const config = options.config as ClientConfig;
    const { clock, random, log } = this.#deps;
    const dialling = dialOptions(this.#config, config, options);
    return dialMux(address, dialling, { clock, random, log, stats });
  }

  async close(): Promise<void> {
    await this.#accessLog?.close();
  }
}

function accessLog(config: RouterConfig, deps: ProtocolDeps): AccessLog<CompletedCall> | null {
  const keys = {
    file: config.muxAccessLog,
    format: config.muxAccessLogFormat,
    roll: config.muxAccessLogRollPolicy,
    append: config.muxAccessLogAppend,
    rotateCount: config.muxAccessLogRotateCount,
  };
  return openAccessLog(keys, accessLogSource, deps);
}
