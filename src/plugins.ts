// The lists of every kind this build knows: the one page that the author of a kind must touch.
import { kind as http } from "../protocols/http/kind.ts";
import { kind as mux } from "../protocols/mux/kind.ts";
import { kind as thrift } from "../protocols/thrift/kind.ts";
import { kind as thriftmux } from "../protocols/thriftmux/kind.ts";
import { lazily } from "./assemble/protocols.ts";
import type { ErasedProtocol } from "./assemble/protocols.ts";
import type { Kinds } from "./config/kinds.ts";
import type { AnnouncerPlugin } from "./core/announcer.ts";
import type { InterpreterPlugin, NamerPlugin, TransformerPlugin } from "./core/naming.ts";
import { builtInNames } from "./naming/built-in/built-in.ts";
import { consulAnnouncer } from "./naming/announcers/consul.ts";
import { consulInterpreter } from "./naming/interpreters/consul.ts";
import { defaultInterpreter } from "./naming/interpreters/default.ts";
import { fsInterpreter } from "./naming/interpreters/fs.ts";
import { namerd } from "./naming/interpreters/namerd.ts";
import { namerdHttp } from "./naming/interpreters/namerd-http.ts";
import { consul } from "./naming/namers/consul.ts";
import { dnssrv } from "./naming/namers/dnssrv.ts";
import { fs } from "./naming/namers/fs.ts";
import { marathon } from "./naming/namers/marathon.ts";
import { rewrite } from "./naming/namers/rewrite.ts";
import { staticNamer } from "./naming/namers/static.ts";
import { constTransformer } from "./naming/transformers/const.ts";
import { localhost } from "./naming/transformers/localhost.ts";
import { port } from "./naming/transformers/port.ts";
import { replace } from "./naming/transformers/replace.ts";
import { specificHost } from "./naming/transformers/specific-host.ts";
import type { InterfacePlugin } from "./name-server/interface.ts";
import { httpController } from "./name-server/interfaces/http-controller.ts";
import { thriftNameInterpreter } from "./name-server/interfaces/thrift-name-interpreter.ts";
import type { StoragePlugin } from "./name-server/dtab-store.ts";
import { consulStorage } from "./name-server/storages/consul.ts";
import { fsStorage } from "./name-server/storages/fs.ts";
import { inMemory } from "./name-server/storages/in-memory.ts";
import type { AccrualPlugin } from "./routing/accrual.ts";
import { consecutiveFailures } from "./routing/accruals/consecutive-failures.ts";
import { none } from "./routing/accruals/none.ts";
import { successRate } from "./routing/accruals/success-rate.ts";
import { successRateWindowed } from "./routing/accruals/success-rate-windowed.ts";
import { unified } from "./routing/accruals/unified.ts";
import { aperture } from "./routing/balancers/aperture.ts";
import type { BalancerPlugin } from "./routing/balancers/balancer.ts";
import { ewma } from "./routing/balancers/ewma.ts";
import { heap } from "./routing/balancers/heap.ts";
import { p2c } from "./routing/balancers/p2c.ts";
import { roundRobin } from "./routing/balancers/round-robin.ts";
import { gradient } from "./routing/limiters/gradient.ts";
import type { LimiterPlugin } from "./routing/limiters/limiter.ts";
import { influxdb } from "./telemetry/exporters/influxdb.ts";
import { recentRequests } from "./telemetry/calls/recent-requests.ts";
import { prometheus } from "./telemetry/exporters/prometheus.ts";
import { statsd } from "./telemetry/exporters/statsd.ts";
import { otlp } from "./telemetry/otlp/otlp.ts";
import type { TelemeterPlugin } from "./telemetry/telemeter.ts";
import { tracelog } from "./telemetry/tracing/tracelog.ts";
import { zipkin, zipkinHttp } from "./telemetry/tracing/zipkin.ts";
import { usage } from "./telemetry/exporters/usage.ts";

export const protocols: readonly ErasedProtocol[] = [
  lazily(http, async () => (await import("../protocols/http/index.ts")).http),
  lazily(mux, async () => (await import("../protocols/mux/index.ts")).mux),
  lazily(thrift, async () => (await import("../protocols/thrift/index.ts")).thrift),
  lazily(thriftmux, async () => (await import("../protocols/thriftmux/index.ts")).thriftmux),
];
export const namers: readonly NamerPlugin[] = [fs, consul, dnssrv, marathon, rewrite, staticNamer];
export const interpreters: readonly InterpreterPlugin[] = [
  defaultInterpreter,
  fsInterpreter,
  consulInterpreter,
  namerd,
  namerdHttp,
];
export const transformers: readonly TransformerPlugin[] = [
  localhost,
  specificHost,
  port,
  constTransformer,
  replace,
];
export const balancers: readonly BalancerPlugin[] = [p2c, ewma, aperture, heap, roundRobin];
export const accruals: readonly AccrualPlugin[] = [
  consecutiveFailures,
  successRate,
  successRateWindowed,
  unified,
  none,
];
export const announcers: readonly AnnouncerPlugin[] = [consulAnnouncer];
export const limiters: readonly LimiterPlugin[] = [gradient];
export const telemeters: readonly TelemeterPlugin[] = [
  prometheus,
  influxdb,
  statsd,
  recentRequests,
  usage,
  tracelog,
  zipkin,
  zipkinHttp,
  otlp,
];
export const storages: readonly StoragePlugin[] = [inMemory, fsStorage, consulStorage];
export const interfaces: readonly InterfacePlugin[] = [httpController, thriftNameInterpreter];

/** As the configuration checks against them. */
export const kinds: Kinds = {
  protocols,
  namers,
  interpreters,
  transformers,
  balancers,
  accruals,
  limiters,
  telemeters,
  announcers,
  storages,
  interfaces,
  builtInNames,
};
