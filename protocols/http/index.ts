// HTTP/1.1 as a protocol: its kinds, its keys, and one router's share of it.
import { applicationProtocols } from "./message.ts";
import { openAccessLog } from "../../src/access-log/access-log.ts";
import type { AccessLog } from "../../src/access-log/access-log.ts";
import type { RefusedCall } from "../../src/core/calls/ended-call.ts";
import { noCallSink } from "../../src/core/calls/ended-call.ts";
import type { Address } from "../../src/core/address.ts";
import type { Verdict } from "../../src/core/classifier.ts";
import type { Protocol, ProtocolDeps, ProtocolRouter } from "../../src/core/protocol.ts";
import type { Service } from "../../src/core/service.ts";
import type { Stats } from "../../src/core/stats.ts";
import type {
  DialOptions,
  Listener,
  ListenOptions,
  Wire,
  WireStats,
} from "../../src/core/transport.ts";
import { allConnections } from "../../src/net/connection-stats.ts";
import { seesInternals } from "../../src/net/peer-info.ts";
import type { PeerInfo } from "../../src/net/peer-info.ts";
import { accessLogSource } from "./access-log.ts";
import { callReader } from "./calls.ts";
import { pushesBack, serverClassifier } from "./classifiers.ts";
import { dialHttp } from "./client/wire.ts";
import type { HeadLimits } from "./codec/limits.ts";
import { failureRenderer, statusOf } from "./failures.ts";
import { serverFilters, wireFilters } from "./filters.ts";
import { caseHint } from "./filters/case-hint.ts";
import { context } from "./filters/context.ts";
import type { Context } from "./filters/context.ts";
import { readHead } from "./codec/request-reader.ts";
import { diagnose } from "./filters/diagnostics.ts";
import { forwarded } from "./filters/forwarded.ts";
import { propagation } from "./filters/propagation.ts";
import { replayFilter } from "./filters/replay.ts";
import type { ClientConfig, RouterConfig, ServerConfig, ServiceConfig } from "./keys.ts";
import { kind } from "./kind.ts";
import { copyOf } from "./message.ts";
import type { HttpFilter, CompletedCall, HttpRequest, HttpResponse } from "./message.ts";
import { listenHttp } from "./server/listener.ts";
import { responseCounter, httpServerCounters } from "./stats.ts";

export const http: Protocol<HttpRequest, HttpResponse> = {
  ...kind,
  // The casts of this file are safe: the sections have been parsed by the keys of the kind.
  open: (config, deps) => new HttpRouter(config as RouterConfig, deps),
};

/** Owns the router's access log; listeners and wires belong to those who open them. */
class HttpRouter implements ProtocolRouter<HttpRequest, HttpResponse> {
  readonly responseCounter = responseCounter;
  readonly pushesBack = pushesBack;
  readonly copy = copyOf;
  readonly serverClassifier;
  readonly #config: RouterConfig;
  readonly #deps: ProtocolDeps;
  readonly #context: Context;
  readonly #limits: HeadLimits;
  readonly #accessLog: AccessLog<CompletedCall> | null;
  readonly #diagnose: HttpFilter;
  readonly #seesInternals: (peer: PeerInfo) => boolean;

  constructor(config: RouterConfig, deps: ProtocolDeps) {
    this.#config = config;
    this.#deps = deps;
    const { random, stats } = deps;
    const ignored = stats.counter("traces", "ignored");
    const traces = propagation(config.tracePropagator, { random, ignored });
    this.#context = context({ ...deps, propagation: traces });
    this.#limits = headLimits(config);
    this.#accessLog = accessLog(config, deps);
    const { clock, label, explain } = deps;
    this.#seesInternals = (peer) => seesInternals(config.errorDetail, peer);
    this.#diagnose = diagnose({
      clock,
      label,
      explain,
      seesInternals: this.#seesInternals,
    });
    this.serverClassifier = serverClassifier((why) => statusOf(why, config.timeoutStatus));
  }

  /** Tells the caller what its response counts as. */
  mark(response: HttpResponse, verdict: Verdict): void {
    response.verdict = verdict;
  }

  /** Drains the rest of the body, or closes its connection. */
  discard(response: HttpResponse): void {
    response.body.cancel();
  }

  statusOf({ status }: HttpResponse): string {
    return String(status);
  }

  listen(
    options: ListenOptions,
    service: Service<HttpRequest, HttpResponse>,
    stats: Stats,
  ): Promise<Listener> {
    const config = options.config as ServerConfig;
    const { clock, log, label } = this.#deps;
    const { host, port, socket, gate, tls, clearContext } = options;
    const counters = httpServerCounters(stats);
    const accessLog = this.#accessLog;
    const calls = (options.calls ?? noCallSink).reporter(callReader);
    const listening = {
      host,
      port,
      socket,
      gate,
      tls,
      onSocket: allConnections(stats, clock),
      clock,
      log,
      limits: {
        ...this.#limits,
        headerReadTimeoutMs: config.headerReadTimeoutMs,
        idleTimeMs: options.idleTimeMs,
        lifeTimeMs: options.lifeTimeMs,
        stallTimeoutMs: config.stallTimeoutMs,
        halfCloseGraceMs: options.halfCloseGraceMs,
        tunnelIdleTimeMs: config.tunnelIdleTimeMs,
        maxPipelinedBytes: config.maxPipelinedKB * 1024,
        maxDrainBytes: config.maxDrainKB * 1024,
        maxWholeBodyBytes: this.#config.streamAfterContentLengthKB * 1024,
      },
      renderFailure: failureRenderer(
        {
          label,
          adminUrl: this.#deps.adminUrl,
          timeoutStatus: this.#config.timeoutStatus,
          errorDetail: this.#config.errorDetail,
          maxHeadersBytes: this.#limits.maxHeadersBytes,
          maxErrResponseBytes: this.#config.maxErrResponseKB * 1024,
        },
        clearContext,
      ),
      onCompleted(call: CompletedCall) {
        counters.completed(call);
        accessLog?.record(call);
        calls.ended(call);
      },
      onRefused: (call: RefusedCall) => calls.refused(call),
      onConnections: counters.connections,
    };
    return listenHttp(listening, service);
  }

  requestOf(head: Buffer): HttpRequest | string {
    return readHead(head, this.#limits);
  }

  serverFilters(options: ListenOptions): readonly HttpFilter[] {
    const { clearContext, callerDtabLimits } = options;
    const config = options.config as ServerConfig;
    const labelled = config.addForwardedHeader;
    return serverFilters({
      clearContext,
      callerDtabLimits,
      context: this.#context,
      clock: this.#deps.clock,
      maxCallDepth: config.maxCallDepth,
      forwarded: labelled === null ? null : forwarded(labelled, this.#deps),
      hint: this.#hint(clearContext),
      compressionLevel: this.#config.compressionLevel,
      timestampHeader: config.timestampHeader ?? null,
    });
  }

  #hint(clearContext: boolean): HttpFilter | null {
    const { isBound } = this.#deps;
    if (isBound === undefined || clearContext) return null;
    return caseHint({ isBound, seesInternals: this.#seesInternals });
  }

  serviceFilters(config: Readonly<Record<string, unknown>>): readonly HttpFilter[] {
    const { retryBufferKB } = config as ServiceConfig;
    return [replayFilter(retryBufferKB * 1024)];
  }

  dial(address: Address, options: DialOptions, stats: WireStats): Wire<HttpRequest, HttpResponse> {
    const { config: parsed, ...shared } = options;
    const config = parsed as ClientConfig;
    const { clock } = this.#deps;
    return dialHttp(
      address,
      {
        ...shared,
        applicationProtocols,
        limits: this.#limits,
        maxWholeBodyBytes: this.#config.streamAfterContentLengthKB * 1024,
        maxDrainBytes: config.maxDrainKB * 1024,
        continueTimeoutMs: config.continueTimeoutMs,
      },
      { clock, stats },
      wireFilters({
        context: this.#context,
        diagnose: this.#diagnose,
        forwardClientCert: config.forwardClientCert,
        authority: address.meta?.["authority"],
      }),
    );
  }

  async close(): Promise<void> {
    await this.#accessLog?.close();
  }
}

function headLimits(config: RouterConfig): HeadLimits {
  return {
    maxInitialLineBytes: config.maxInitialLineKB * 1024,
    maxHeadersBytes: config.maxHeadersKB * 1024,
    maxHeaderCount: config.maxHeaderCount,
  };
}

function accessLog(config: RouterConfig, deps: ProtocolDeps): AccessLog<CompletedCall> | null {
  const keys = {
    file: config.httpAccessLog,
    format: config.httpAccessLogFormat,
    roll: config.httpAccessLogRollPolicy,
    append: config.httpAccessLogAppend,
    rotateCount: config.httpAccessLogRotateCount,
  };
  return openAccessLog(keys, accessLogSource, deps);
}
