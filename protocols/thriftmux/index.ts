// ThriftMux as a protocol: Thrift calls in mux messages, composed of those two.
import type { Address } from "../../src/core/address.ts";
import type {
  DialOptions,
  Listener,
  ListenOptions,
  Wire,
  WireStats,
} from "../../src/core/transport.ts";
import type { Protocol, ProtocolDeps, ProtocolRouter } from "../../src/core/protocol.ts";
import { noCallSink } from "../../src/core/calls/ended-call.ts";
import type { Verdict } from "../../src/core/classifier.ts";
import { stack } from "../../src/core/service.ts";
import type { Filter, Service } from "../../src/core/service.ts";
import type { Stats } from "../../src/core/stats.ts";
import type { AccessLog } from "../../src/access-log/access-log.ts";
import { closedConnections } from "../../src/net/connection-stats.ts";
import type { SocketLink } from "../../src/net/socket-link.ts";
import { dialMux } from "../mux/client/wire.ts";
import { render } from "../mux/failures.ts";
import { dialOptions } from "../mux/client/settings.ts";
import { serverLimits } from "../mux/server/settings.ts";
import { listenMux } from "../mux/server/listener.ts";
import type { ConnectionOwner } from "../mux/server/listener.ts";
import { ServerConnection as MuxConnection } from "../mux/server/connection.ts";
import type { ServerSettings as MuxSettings } from "../mux/server/settings.ts";
import { dialThrift } from "../thrift/client/wire.ts";
import { ServerConnection as ThriftConnection } from "../thrift/server/connection.ts";
import type { ServerSettings as ThriftSettings } from "../thrift/server/settings.ts";
import { headerMaker } from "../thrift/ttwitter/outgoing-header.ts";
import { openThriftLog } from "./access-log.ts";
import { callReader } from "./calls.ts";
import { wrongPort } from "../thrift/calls.ts";
import { serverClassifier } from "./classifiers.ts";
import { thriftOver } from "./client/wire.ts";
import { failureRenderer } from "./failures.ts";
import { contextsForUpgrade, idempotentCalls, serverFilters } from "./filters.ts";
import { kind } from "./kind.ts";
import type { ClientConfig, RouterConfig, ServerConfig, ServiceConfig } from "./keys.ts";
import { copyOf } from "./message.ts";
import type { CompletedCall, ThriftRequest, ThriftResponse, WireFormat } from "./message.ts";
import { muxCalls } from "./server/call.ts";
import { DetectedConnection } from "./server/connection.ts";
import { responseCounter, thriftServerCounters } from "./stats.ts";

export const thriftmux: Protocol<ThriftRequest, ThriftResponse> = {
  ...kind,
  // Safe casts, here and below: the sections have been parsed by the keys of the kind.
  open: (config, deps) => new ThriftMuxRouter(config as RouterConfig, deps),
};

type ThriftService = Service<ThriftRequest, ThriftResponse>;
type Reports = Pick<ThriftSettings, "onCompleted" | "onRefused" | "onMalformed">;
type Begin = (link: SocketLink, owner: ConnectionOwner) => MuxConnection | ThriftConnection;

/** Owns the router's access log; listeners and wires belong to whoever asked for them. */
class ThriftMuxRouter implements ProtocolRouter<ThriftRequest, ThriftResponse> {
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

  /** Neither Thrift nor mux has a place for the verdict: only this router's own server sees it. */
  mark(response: ThriftResponse, verdict: Verdict): void {
    response.verdict = verdict;
  }

  statusOf({ outcome }: ThriftResponse): string {
    return outcome;
  }

  serviceFilters(
    config: Readonly<Record<string, unknown>>,
  ): readonly Filter<ThriftRequest, ThriftResponse>[] {
    return idempotentCalls(config as ServiceConfig);
  }

  serverFilters(options: ListenOptions): readonly Filter<ThriftRequest, ThriftResponse>[] {
    return serverFilters(options, this.#deps);
  }

  listen(options: ListenOptions, service: ThriftService, stats: Stats): Promise<Listener> {
    const { host, port, socket, gate, tls, idleTimeMs } = options;
    const { clock, log } = this.#deps;
    const { stallTimeoutMs, opportunisticTls: tlsLevel } = options.config as ServerConfig;
    const counters = thriftServerCounters(stats);
    const accessLog = this.#accessLog;
    const calls = (options.calls ?? noCallSink).reporter(callReader);
    const reports: Reports = {
      onCompleted: (call) => {
        counters.completed(call);
        accessLog?.record(call);
        calls.ended(call);
      },
      onRefused: (call) => calls.refused(call),
      onMalformed: counters.malformed,
    };
    const begin = {
      mux: this.#muxConnections(options, service, stats, reports),
      thrift: this.#thriftConnections(options, service, reports),
    };
    const detecting = {
      clock,
      stallTimeoutMs,
      idleTimeMs,
      begin: (protocol: "mux" | "thrift", link: SocketLink, owner: ConnectionOwner) =>
        // Plain Thrift has no way to TLS.
        protocol === "thrift" && tlsLevel === "required" ? null : begin[protocol](link, owner),
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
        speaks: ["mux", "Thrift"],
        onWrongPort: wrongPort(reports),
        onSocket: closedConnections(stats, clock),
      },
      counters.connections,
      (link, owner) => {
        void new DetectedConnection(link, detecting, owner);
      },
    );
  }

  dial(
    address: Address,
    options: DialOptions,
    stats: WireStats,
  ): Wire<ThriftRequest, ThriftResponse> {
    const { config: parsed, ...shared } = options;
    const config = parsed as ClientConfig;
    const { clock, random, log } = this.#deps;
    if (config.thriftMux) {
      const dialing = dialOptions(this.#config, config, options);
      return thriftOver(dialMux(address, dialing, { clock, random, log, stats }), clock);
    }
    const wireFormat = this.#wireFormat(config.thriftFramed);
    const attemptUpgrade = config.attemptTTwitterUpgrade;
    const headerFor = headerMaker(wireFormat.protocol, this.#deps);
    const dialing = { ...shared, ...wireFormat, attemptUpgrade };
    const wire = dialThrift(address, dialing, { clock, stats, headerFor });
    if (!attemptUpgrade) return wire;
    const service = stack([contextsForUpgrade], wire.service);
    return {
      service,
      get status() {
        return wire.status;
      },
      get connections() {
        return wire.connections;
      },
      close: (graceMs) => wire.close(graceMs),
    };
  }

  async close(): Promise<void> {
    await this.#accessLog?.close();
  }

  #muxConnections(
    options: ListenOptions,
    service: ThriftService,
    stats: Stats,
    reports: Reports,
  ): Begin {
    const { clock, log, label, adminUrl } = this.#deps;
    const { errorDetail, thriftProtocol, thriftMethodInDst } = this.#config;
    const calls = {
      protocol: thriftProtocol,
      isNamedByMethod: thriftMethodInDst,
      clock,
      route: service,
      renderFailure: failureRenderer({ label, adminUrl, errorDetail }, options.clearContext),
      ...reports,
    };
    const settings: Omit<MuxSettings, "owner" | "route"> = {
      tlsLevel: (options.config as ServerConfig).opportunisticTls,
      limits: serverLimits(this.#config, options.config as ServerConfig, options),
      clock,
      log,
      render: (failure, request, peer) =>
        render({ label, adminUrl, errorDetail }, failure, request, peer),
      ...reports,
      onCompleted() {}, // reported by the call itself, in Thrift's terms
      receivedBytes: stats.counter("received_bytes"),
      sentBytes: stats.counter("sent_bytes"),
    };
    const route = muxCalls(calls);
    return (link, owner) => new MuxConnection(link, { ...settings, route, owner });
  }

  #thriftConnections(options: ListenOptions, service: ThriftService, reports: Reports): Begin {
    const { clock, log, label, adminUrl } = this.#deps;
    const { idleTimeMs, lifeTimeMs, halfCloseGraceMs, clearContext } = options;
    const { maxPipelinedCalls, stallTimeoutMs } = options.config as ServerConfig;
    const { errorDetail, thriftMethodInDst } = this.#config;
    const settings: Omit<ThriftSettings, "opened" | "closed"> = {
      ...this.#wireFormat(true),
      clock,
      log,
      limits: { idleTimeMs, lifeTimeMs, stallTimeoutMs, halfCloseGraceMs, maxPipelinedCalls },
      isNamedByMethod: thriftMethodInDst,
      renderFailure: failureRenderer({ label, adminUrl, errorDetail }, clearContext),
      route: service,
      ...reports,
      onConnections() {}, // counted by the owner
    };
    return (link, owner) =>
      new ThriftConnection(link, {
        ...settings,
        opened: (connection) => owner.opened(connection),
        closed: (connection) => owner.closed(connection),
      });
  }

  #wireFormat(isFramed: boolean): WireFormat {
    const { thriftProtocol, maxFrameKB } = this.#config;
    const transport = isFramed ? "framed" : "buffered";
    return { protocol: thriftProtocol, transport, maxFrameBytes: maxFrameKB * 1024 };
  }
}
