// Thrift as a protocol: its kinds, its keys, and one router's share of it.
import { allConnections } from "../../src/net/connection-stats.ts";
import { noCallSink } from "../../src/core/calls/ended-call.ts";
import type { RefusedCall } from "../../src/core/calls/ended-call.ts";
import type { AccessLog } from "../../src/access-log/access-log.ts";
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
import { openThriftLog } from "./access-log.ts";
import { callReader } from "./calls.ts";
import { serverClassifier } from "./classifiers.ts";
import { dialThrift } from "./client/wire.ts";
import { idempotentCalls, serverFilters } from "./filters.ts";
import { failureRenderer } from "./failures.ts";
import { kind } from "./kind.ts";
import { copyOf } from "./message.ts";
import { listenThrift } from "./server/listener.ts";
import { responseCounter, thriftServerCounters } from "./stats.ts";
import { headerMaker } from "./ttwitter/outgoing-header.ts";
import type { ClientConfig, RouterConfig, ServerConfig, ServiceConfig } from "./keys.ts";
import type { CompletedCall, ThriftRequest, ThriftResponse, WireFormat } from "./message.ts";

export const thrift: Protocol<ThriftRequest, ThriftResponse> = {
  ...kind,
  // Safe casts, here and below: the sections have been parsed by the keys of the kind.
  open: (config, deps) => new ThriftRouter(config as RouterConfig, deps),
};

/** Owns the router's access log; listeners and wires belong to whoever asked for them. */
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
    this.#accessLog = openThriftLog(config, callReader, deps);
  }

  /** A Thrift response has no place for the verdict: only this router's own server sees it. */
  mark(response: ThriftResponse, verdict: Verdict): void {
    response.verdict = verdict;
  }

  statusOf({ outcome }: ThriftResponse): string {
    return outcome;
  }

  listen(
    options: ListenOptions,
    service: Service<ThriftRequest, ThriftResponse>,
    stats: Stats,
  ): Promise<Listener> {
    const config = options.config as ServerConfig;
    const { clock, log, label, adminUrl } = this.#deps;
    const { host, port, socket, gate, tls, clearContext } = options;
    const { idleTimeMs, lifeTimeMs, halfCloseGraceMs } = options;
    const counters = thriftServerCounters(stats);
    const accessLog = this.#accessLog;
    const calls = (options.calls ?? noCallSink).reporter(callReader);
    const { errorDetail, thriftMethodInDst } = this.#config;
    const { maxPipelinedCalls, stallTimeoutMs } = config;
    const listening = {
      ...this.#wireFormat(config.thriftFramed),
      host,
      port,
      socket,
      gate,
      tls,
      onSocket: allConnections(stats, clock),
      clock,
      log,
      limits: { idleTimeMs, lifeTimeMs, stallTimeoutMs, halfCloseGraceMs, maxPipelinedCalls },
      isNamedByMethod: thriftMethodInDst,
      renderFailure: failureRenderer({ label, adminUrl, errorDetail }, clearContext),
      onCompleted(call: CompletedCall) {
        counters.completed(call);
        accessLog?.record(call);
        calls.ended(call);
      },
      onRefused: (call: RefusedCall) => calls.refused(call),
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
    const wireFormat = this.#wireFormat(config.thriftFramed);
    const attemptUpgrade = config.attemptTTwitterUpgrade;
    const headerFor = headerMaker(wireFormat.protocol, this.#deps);
    const { clock } = this.#deps;
    const dialOptions = { ...shared, ...wireFormat, attemptUpgrade };
    return dialThrift(address, dialOptions, { clock, stats, headerFor });
  }

  async close(): Promise<void> {
    await this.#accessLog?.close();
  }

  #wireFormat(isFramed: boolean): WireFormat {
    const { thriftTransport, thriftProtocol, maxFrameKB } = this.#config;
    const transport = thriftTransport === "header" ? "header" : isFramed ? "framed" : "buffered";
    return { protocol: thriftProtocol, transport, maxFrameBytes: maxFrameKB * 1024 };
  }
}
