// Thrift as a protocol: its kinds, its keys, and one router's share of it.
import { openAccessLog } from "../../src/access-log/access-log.ts";
import type { AccessLog } from "../../src/access-log/access-log.ts";
import { allConnections } from "../../src/net/connection-stats.ts";
import { lineMaker } from "./access-log.ts";
import { serverClassifier } from "./classifiers.ts";
import { dialThrift } from "./client/wire.ts";
import { headerMaker, serverFilters } from "./filters.ts";
import { failureRenderer } from "./failures.ts";
import { idempotentCalls } from "./idempotent.ts";
import { kind } from "./kind.ts";
import { copyOf } from "./message.ts";
import { listenThrift } from "./server/listener.ts";
import { responseCounter, serverCounters } from "./stats.ts";
import type { Address } from "../../src/core/address.ts";
import type {
  DialOptions,
  Listener,
  ListenOptions,
  Wire,
  WireStats,
} from "../../src/core/transport.ts";
import type { Protocol, ProtocolDeps, ProtocolRouter } from "../../src/core/protocol.ts";
import type { Verdict } from "../../src/core/classifier.ts";
import type { Filter, Service } from "../../src/core/service.ts";
import type { Stats } from "../../src/core/stats.ts";
import type { CompletedCall, WireFormat } from "./exchange.ts";
import type { ClientConfig, RouterConfig, ServerConfig, ServiceConfig } from "./keys.ts";
import type { ThriftRequest, ThriftResponse } from "./message.ts";

export const thrift: Protocol<ThriftRequest, ThriftResponse> = {
  ...kind,
  // The casts of this file: the sections have been parsed by the keys of the kind.
  open: (config, deps) => new ThriftRouter(config as RouterConfig, deps),
};

/** Owns the router's access log; listeners and wires belong to those who asked for them. */
class ThriftRouter implements ProtocolRouter<ThriftRequest, ThriftResponse> {
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

  /** Thrift has no place for it in an answer: only this router's own server is told. */
  mark(response: ThriftResponse, verdict: Verdict): void {
    response.verdict = verdict;
  }

  listen(
    options: ListenOptions,
    service: Service<ThriftRequest, ThriftResponse>,
    stats: Stats,
  ): Promise<Listener> {
    const config = options.config as ServerConfig;
    const { clock, log, label } = this.#deps;
    const { host, port, socket, gate, clearContext, idleTimeMs, lifeTimeMs } = options;
    const counters = serverCounters(stats);
    const accessLog = this.#accessLog;
    const { errorDetail, thriftMethodInDst } = this.#config;
    const { maxPipelinedCalls, stallTimeoutMs } = config;
    const listening = {
      ...this.#speech(config.thriftFramed),
      host,
      port,
      socket,
      gate,
      onSocket: allConnections(stats, clock),
      clock,
      log,
      limits: { idleTimeMs, lifeTimeMs, stallTimeoutMs, maxPipelinedCalls },
      isNamedByMethod: thriftMethodInDst,
      renderFailure: failureRenderer({ label, errorDetail }, clearContext),
      onCompleted(exchange: CompletedCall) {
        counters.answered(exchange);
        accessLog?.record(exchange);
      },
      onConnections: counters.connections,
      onMalformed: counters.malformed,
    };
    return listenThrift(listening, service);
  }

  serviceFilters(
    config: Readonly<Record<string, unknown>>,
  ): readonly Filter<ThriftRequest, ThriftResponse>[] {
    return idempotentCalls(config as ServiceConfig);
  }

  serverFilters(options: ListenOptions): readonly Filter<ThriftRequest, ThriftResponse>[] {
    return serverFilters(options, this.#deps);
  }

  dial(
    address: Address,
    options: DialOptions,
    stats: WireStats,
  ): Wire<ThriftRequest, ThriftResponse> {
    const { config: parsed, ...shared } = options;
    const config = parsed as ClientConfig;
    const speech = this.#speech(config.thriftFramed);
    const attemptUpgrade = config.attemptTTwitterUpgrade;
    const headerFor = headerMaker(speech.encoding, this.#deps);
    const { clock } = this.#deps;
    const dialling = { ...shared, ...speech, attemptUpgrade };
    return dialThrift(address, dialling, { clock, stats, headerFor });
  }

  async close(): Promise<void> {
    await this.#accessLog?.close();
  }

  #speech(isFramed: boolean): WireFormat {
    const { thriftTransport, thriftProtocol, maxFrameKB } = this.#config;
    const transport = thriftTransport === "header" ? "header" : isFramed ? "framed" : "buffered";
    return { encoding: thriftProtocol, transport, maxFrameBytes: maxFrameKB * 1024 };
  }
}

function accessLog(config: RouterConfig, deps: ProtocolDeps): AccessLog<CompletedCall> | null {
  const keys = {
    file: config.thriftAccessLog,
    roll: config.thriftAccessLogRollPolicy,
    append: config.thriftAccessLogAppend,
    rotateCount: config.thriftAccessLogRotateCount,
  };
  return openAccessLog(keys, lineMaker(config.thriftAccessLogFormat, deps.clock), deps);
}
